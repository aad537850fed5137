function e(e,t={},...n){let r=document.createElement(e);for(let[e,n]of Object.entries(t))r.setAttribute(e,n);return r.append(...n),r}function t(e){let t=document.getElementById(e);if(!t)throw Error(`the page has no #${e}`);return t}function n(t,n,r){let i=e(`button`,{type:`button`,title:n},t);return i.addEventListener(`click`,r),i}function r(t,n,r,i){let a=e(`select`,{name:t});for(let[t,r]of n)a.append(e(`option`,{value:t},r));return a.value=r,a.addEventListener(`change`,()=>i(a.value)),e(`label`,{},`${t} `,a)}function i(t,n,r,i){let a=Object.entries(r).map(([e,t])=>[e,String(t)]),o=e(`input`,{type:`number`,name:t,...Object.fromEntries(a)});return o.value=String(n),o.addEventListener(`change`,()=>{o.value!==``&&Number.isFinite(o.valueAsNumber)&&i(o.valueAsNumber)}),e(`label`,{},`${t} `,o)}function a(t,n){let r=e(`table`,{id:t});return n.forEach((t,n)=>{let i=e(`tr`);t.forEach(t=>i.append(e(n===0?`th`:`td`,{},t))),r.append(i)}),r}var o=(function(){let e=typeof document<`u`&&document.createElement(`link`).relList;return e&&e.supports&&e.supports(`modulepreload`)?`modulepreload`:`preload`})(),s=function(e,t){return new URL(e,t).href},c={},l=function(e){return e.pathname.endsWith(`.css`)},u=function(e,t,n){if(t in e)return e[t];let r=n();if(!r){e[t]=void 0;return}let i=r.then(()=>{e[t]=void 0},n=>{throw e[t]=void 0,n});return e[t]=i,i},d=function(e,t,n){let r=Promise.resolve();if(t&&t.length>0){let e,i=document.querySelector(`meta[property=csp-nonce]`),a=i?.nonce||i?.getAttribute(`nonce`);function d(e){return Promise.all(e.map(e=>Promise.resolve(e).then(e=>({status:`fulfilled`,value:e}),e=>({status:`rejected`,reason:e}))))}function f(e){return import.meta.resolve?new URL(import.meta.resolve(e)):new URL(e,import.meta.url)}r=d(t.map(t=>{t=s(t,n);let r=f(t),i=l(r);return u(c,r.href,()=>{if(e===void 0){e={all:new Set,styles:new Set};let t=document.getElementsByTagName(`link`);for(let n=t.length-1;n>=0;n--){let r=t[n];e.all.add(r.href),r.rel===`stylesheet`&&e.styles.add(r.href)}}if((i?e.styles:e.all).has(r.href))return;let t=document.createElement(`link`);if(t.rel=i?`stylesheet`:o,i||(t.as=`script`),t.crossOrigin=``,t.href=r.href,a&&t.setAttribute(`nonce`,a),document.head.appendChild(t),i)return new Promise((e,n)=>{let i=a=>{t.removeEventListener(`load`,i),t.removeEventListener(`error`,i),a.type===`error`?n(Error(`Unable to preload CSS for ${r}`)):e(a)};t.addEventListener(`load`,i),t.addEventListener(`error`,i)})})}).filter(e=>e!==void 0))}function i(e){let t=new Event(`vite:preloadError`,{cancelable:!0});if(t.payload=e,window.dispatchEvent(t),!t.defaultPrevented)throw e}return r.then(t=>{for(let e of t||[])e.status===`rejected`&&i(e.reason);return e().catch(i)})},f=class{told;canvas=t(`surface`);drawn=Promise.resolve();surface;ready;time=``;measuring=!1;constructor(e){this.told=e}async wear({worn:e},t){e&&(this.surface??=d(async()=>{let{Surface:e}=await import(`./surface.js`);return{Surface:e}},[],import.meta.url).then(({Surface:e})=>e.create(this.canvas)),this.ready=await this.surface,this.ready.wear(...e,t.filter))}draw({size:e,worn:t},n,r,i){if(this.canvas.hidden=n.mode!==`3d`,this.canvas.hidden||!this.ready||!t)return;this.canvas.style.width=`${r/devicePixelRatio}px`,this.canvas.style.height=`${i/devicePixelRatio}px`;let a=performance.now();this.ready.draw(n,e,r,i),this.measuring||(this.drawn=this.measure(this.ready,a))}async measure(e,t){this.measuring=!0;let n=await e.finished().finally(()=>this.measuring=!1),r=n??performance.now()-t;this.time=`${r.toFixed(1)} ms ${n===void 0?`a frame`:`on the device`}`,this.told()}label(e,t){let[n,r]=this.ready?.told()??[],{backend:i}=this.ready??{};return`A: ${e}, ${n} · B: ${t}, ${r} · ${i}, ${this.time}`}},p=[`a`,`b`,`split`,`side`,`diff`,`signed`,`relative`,`flip`,`tiles`,`angle`,`3d`,`fit`],m=[`values`,`xyz`,`lit`],h=[`sphere`,`plane`,`cube`,`cloth`],g=[`auto`,`texel`,`filtered`,`exact`,`stochastic`],ee=[`auto`,`webgpu`,`browser`,`server`],_={zoom:0,x:.5,y:.5,turn:0,tilt:0,distance:4},v={a:``,b:``,mode:`b`,map:``,mip:-1,channel:-1,show:`values`,gain:8,exposure:0,low:0,high:1,split:.5,tiling:1,light:135,shape:`sphere`,filter:`auto`,decoder:`auto`,..._},te={mip:[-1,15],channel:[-1,31],gain:[1,64],exposure:[-16,16],low:[-1e6,1e6],high:[-1e6,1e6],zoom:[0,256],x:[-1,2],y:[-1,2],split:[0,1],tiling:[1,3],light:[0,360],turn:[-180,180],tilt:[-89,89],distance:[1.5,50]},ne={mode:p,show:m,shape:h,filter:g,decoder:ee},re=new Set([`mip`,`channel`,`tiling`]);function ie(e){let t={...v};for(let[n,r]of new URLSearchParams(e.replace(/^#/,``))){if(!(n in v))throw Error(`${n}: there is no such part of a view`);t[n]=typeof t[n]==`number`?ae(n,r):oe(n,r)}return t}function ae(e,t){let[n,r]=te[e],i=Number(t);if(!(t!==``&&i>=n&&i<=r)||re.has(e)&&!Number.isInteger(i))throw Error(`${e} ${t}: use ${n} to ${r}`);return i}function oe(e,t){let n=ne[e];if(n&&!n.includes(t))throw Error(`${e} ${t}: use one of ${n.join(`, `)}`);return t}function se(e){let t=new URLSearchParams;for(let[n,r]of Object.entries(e)){if(r===v[n])continue;let e=typeof r==`number`?Number(r.toFixed(6)):r;t.set(n,String(e))}return t.size?`#${t}`:``}function y(e,t){let[n,r]=te[e];return Math.min(Math.max(t,n),r)}var ce=class{state;listeners=[];constructor(e){this.state=e}set(e){this.state={...this.state,...e};for(let e of this.listeners)e()}onChange(e){this.listeners.push(e)}},le=[[`a`,`A`,`A alone (a)`],[`b`,`B`,`B alone (b)`],[`split`,`split`,`A left of the divider, B right of it (s)`],[`side`,`side`,`A beside B (v)`],[`diff`,`|A−B|`,`difference (d)`],[`signed`,`B−A`,`signed difference, grey is none (D)`],[`relative`,`|A−B|/A`,`relative difference (r)`],[`flip`,`FLIP`,`what an eye sees of the difference (f)`],[`tiles`,`tiles`,`PSNR of tiles (t); n: the next worst`],[`angle`,`angle`,`between normals (g)`],[`3d`,`3D`,`on a body, A left of the divider (p)`],[`fit`,`fit`,`compress (l)`]];function ue(t,n,r,i,a){let o=document.activeElement,s=o&&t.contains(o)?o.name:``;t.replaceChildren(de(n,r,i),fe(n,r),_e(a)),t.append(e(`span`,{class:`break`})),i&&n.state.mode===`3d`?t.append(he(n,i)):i&&t.append(pe(n,i),ge(n,i)),s&&t.querySelector(`[name="${CSS.escape(s)}"]`)?.focus()}function de(t,i,a){let o=i.all.map(({key:e,name:t})=>[e,t]),{state:s}=t,c=n(`⇄`,`A for B`,()=>{a&&t.set({a:a.b.key,b:a.a.key})});return e(`span`,{class:`group`},r(`A`,o,a?.a.key??s.a,e=>t.set({a:e})),c,r(`B`,o,a?.b.key??s.b,e=>t.set({b:e})))}function fe(t,r){let i=e(`span`,{class:`group`,role:`group`,"aria-label":`mode`});for(let[e,a,o]of le){if(e===`fit`&&!r.session?.fits)continue;let s=n(a,o,()=>t.set({mode:e}));s.name=`mode-${e}`,s.setAttribute(`aria-pressed`,String(t.state.mode===e)),i.append(s)}return i}function pe(t,r){let i=e(`span`,{class:`group`,role:`group`,"aria-label":`map`});return r.records.forEach(({name:e,semantic:a,sample:o},s)=>{let c=n(e,`${a}, ${o} (${s+1})`,()=>t.set({map:e,channel:-1}));c.name=`map-${e}`,c.setAttribute(`aria-pressed`,String(e===r.record.name)),i.append(c)}),i}function me(e,{mips:t,mip:n,size:i}){return r(`mip`,Array.from({length:t},(e,t)=>[String(t),`${t}: ${Math.max(i.width>>t,1)}×${Math.max(i.height>>t,1)}`]),String(n),t=>e.set({mip:Number(t)}))}function he(t,n){let{state:a}=t;return e(`span`,{class:`group`},r(`body`,h.map(e=>[e,e]),a.shape,e=>t.set({shape:e})),r(`filter`,g.map(e=>[e,e]),a.filter,e=>t.set({filter:e})),me(t,n),i(`light`,a.light,{min:0,max:360,step:15},e=>t.set({light:e})))}function ge(t,n){let{state:a}=t,o=n.right.record.channels.map(({meaning:e},t)=>[String(t),e]),s=[[`values`,`values`],[`xyz`,`XYZ`],[`lit`,`lit`]],c=e=>n=>t.set({[e]:n}),l=e(`span`,{class:`group`},me(t,n),r(`channel`,[[`-1`,`all`],...o],String(a.channel),e=>t.set({channel:Number(e)})),i(`gain`,a.gain,{min:1,max:64,step:1},c(`gain`)),i(`exposure`,a.exposure,{min:-16,max:16,step:.5},c(`exposure`)),i(`low`,a.low,{min:-1e6,max:1e6,step:.05},c(`low`)),i(`high`,a.high,{min:-1e6,max:1e6,step:.05},c(`high`)),r(`tiles`,[[`1`,`1×1`],[`3`,`3×3`]],String(a.tiling),e=>t.set({tiling:Number(e)})),r(`decoder`,ee.map(e=>[e,e]),a.decoder,e=>t.set({decoder:e})));return n.right.record.semantic===`normal`&&(l.append(r(`normals`,s,a.show,e=>t.set({show:e}))),a.show===`lit`&&l.append(i(`light`,a.light,{min:0,max:360,step:15},e=>t.set({light:e})))),l}function _e(t){let r=e(`input`,{type:`file`,id:`files`,accept:`.ntc`,multiple:``});return r.hidden=!0,r.addEventListener(`change`,()=>r.files&&t.openFiles(r.files)),e(`span`,{class:`group page`},n(`Open…`,`a .ntc of this machine; or drop it here`,()=>r.click()),r,n(`◐`,`dark or light (k)`,t.theme),n(`?`,`keys (?)`,t.help))}function ve(e,t){return[Math.max(e.width>>t,1),Math.max(e.height>>t,1)]}function ye(e){return Math.ceil(e.width/(1<<e.blockLog2))}function be(e,t,n){xe(e,t);let[r,i]=ve(e,t),a=n??{x:0,y:0,width:r,height:i},{x:o,y:s,width:c,height:l}=a,u=[o,s,c,l].every(Number.isInteger),d=o>=0&&s>=0&&o+c<=r&&s+l<=i;if(!u||!d||c<1||l<1){let e=`${o}, ${s}, ${c}, ${l}`;throw RangeError(`rectangle ${e} is not within mip ${t} of ${r}x${i}`)}return a}function xe(e,t){if(!Number.isInteger(t)||t<0||t>=e.mips)throw RangeError(`mip ${t} does not exist: the file has mips 0..${e.mips-1}`)}var Se=`// Generated by tools/export_shaders.py from shaders/ntc_decode.slang: do not edit.
@binding(1) @group(0) var<storage, read> ntc_job : array<u32>;
@binding(0) @group(0) var<storage, read> ntc_words : array<u32>;
@binding(2) @group(0) var<storage, read> ntc_list : array<u32>;
@binding(3) @group(0) var<storage, read_write> ntc_out : array<u32>;
fn firstbithigh_0( value_0 : u32) -> u32
{
var _S1 : u32 = firstLeadingBit(value_0);
return _S1;
}
struct NtcMaterial
{
first : u32,
count : u32,
};
fn ntc_word( material_0 : NtcMaterial,  at_0 : u32) -> u32
{
return ntc_words[material_0.first + min(at_0, material_0.count - u32(1))];
}
fn ntc_mips( material_1 : NtcMaterial) -> u32
{
return clamp(ntc_word(material_1, u32(2)), u32(1), u32(15));
}
fn ntc_size( material_2 : NtcMaterial) -> vec2<u32>
{
return clamp(vec2<u32>(ntc_word(material_2, u32(0)), ntc_word(material_2, u32(1))), vec2<u32>(vec2<i32>(i32(1))), vec2<u32>(u32(16384)));
}
fn ntc_mip_size( material_3 : NtcMaterial,  mip_0 : u32) -> vec2<u32>
{
return max(((ntc_size(material_3)) >> (vec2<u32>(min(mip_0, u32(14))))), vec2<u32>(vec2<i32>(i32(1))));
}
fn ntc_position( texel_0 : u32,  size_0 : u32) -> u32
{
var n_0 : u32 = ((u32(2) * texel_0 + u32(1)) << (u32(12)));
var _S2 : u32 = n_0 / size_0;
var _S3 : u32 = (_S2 << (u32(11)));
var _S4 : u32 = n_0 % size_0;
var _S5 : u32 = ((_S4 << (u32(11)))) / size_0;
return _S3 + _S5;
}
fn ntc_wrap( material_4 : NtcMaterial) -> vec2<bool>
{
var flags_0 : u32 = ntc_word(material_4, u32(6));
return vec2<bool>(((flags_0 & (u32(1)))) != u32(0), ((flags_0 & (u32(2)))) != u32(0));
}
fn ntc_role( material_5 : NtcMaterial,  mip_1 : u32,  levels_0 : u32,  level_0 : u32) -> u32
{
var index_0 : u32 = mip_1 * levels_0 + level_0;
return ((((ntc_word(material_5, ntc_word(material_5, u32(8)) + ((index_0 >> (u32(2)))))) >> ((u32(8) * ((index_0 & (u32(3)))))))) & (u32(255)));
}
fn ntc_run( material_6 : NtcMaterial,  at_1 : u32,  length_0 : u32) -> u32
{
return ((material_6.first + min(at_1, material_6.count - length_0)) & (u32(4294967292)));
}
fn ntc_load4( i_0 : u32) -> vec4<u32>
{
return vec4<u32>(ntc_words[i_0], ntc_words[i_0 + u32(1)], ntc_words[i_0 + u32(2)], ntc_words[i_0 + u32(3)]);
}
fn ntc_words4( material_7 : NtcMaterial,  at_2 : u32) -> vec4<u32>
{
return ntc_load4(ntc_run(material_7, at_2, u32(4)));
}
struct NtcLevel
{
width : u32,
height : u32,
features : u32,
tile_log2 : u32,
table_log2 : u32,
block_log2 : u32,
masked : bool,
simplex : bool,
tiles_in_row : u32,
stored_width : u32,
directory : u32,
codes : u32,
mask : u32,
blocks_in_row : u32,
};
fn ntc_level( material_8 : NtcMaterial,  index_1 : u32) -> NtcLevel
{
var at_3 : u32 = u32(12) + u32(12) * index_1;
var outline_0 : vec4<u32> = ntc_words4(material_8, at_3);
var stored_0 : vec4<u32> = ntc_words4(material_8, at_3 + u32(4));
var blocks_0 : vec4<u32> = ntc_words4(material_8, at_3 + u32(8));
var level_1 : NtcLevel;
level_1.width = clamp(outline_0.x, u32(1), u32(16384));
level_1.height = clamp(outline_0.y, u32(1), u32(16384));
var _S6 : u32 = outline_0.z;
level_1.features = min((_S6 & (u32(255))), u32(32));
level_1.tile_log2 = (((_S6 >> (u32(8)))) & (u32(7)));
level_1.table_log2 = (((_S6 >> (u32(16)))) & (u32(31)));
level_1.block_log2 = (((_S6 >> (u32(21)))) & (u32(7)));
level_1.masked = ((((_S6 >> (u32(24)))) & (u32(1)))) != u32(0);
level_1.simplex = ((((_S6 >> (u32(25)))) & (u32(1)))) != u32(0);
level_1.tiles_in_row = outline_0.w;
level_1.stored_width = stored_0.y;
level_1.directory = stored_0.z;
level_1.codes = stored_0.w;
level_1.mask = blocks_0.y;
level_1.blocks_in_row = blocks_0.z;
return level_1;
}
fn ntc_cell_position( position_0 : u32,  cells_0 : u32) -> i32
{
return i32(((((position_0 >> (u32(12)))) * cells_0 + (((((position_0 & (u32(4095)))) * cells_0) >> (u32(12))))) >> (u32(4)))) - i32(128);
}
struct NtcCells
{
column : vec4<i32>,
row : vec4<i32>,
weight : vec4<u32>,
};
fn ntc_triangle( p_0 : vec2<i32>) -> NtcCells
{
var _S7 : i32 = p_0.y;
var _S8 : vec2<i32> = vec2<i32>(p_0.x + ((_S7 >> (u32(1)))), _S7);
var corner_0 : vec2<i32> = (_S8 >> (vec2<u32>(u32(8))));
var f_0 : vec2<i32> = (_S8 & (vec2<i32>(i32(255))));
var _S9 : i32 = f_0.x;
var _S10 : i32 = f_0.y;
var right_0 : bool = _S9 >= _S10;
var _S11 : i32 = min(_S9, _S10);
var _S12 : i32 = max(_S9, _S10);
var cells_1 : NtcCells;
var _S13 : i32 = corner_0.y;
var _S14 : i32;
if(right_0)
{
_S14 = i32(0);
}
else
{
_S14 = i32(1);
}
cells_1.row = vec4<i32>(_S13) + vec4<i32>(i32(0), _S14, i32(1), i32(1));
var _S15 : i32 = corner_0.x;
if(right_0)
{
_S14 = i32(1);
}
else
{
_S14 = i32(0);
}
cells_1.column = vec4<i32>(_S15) + vec4<i32>(i32(0), _S14, i32(1), i32(1)) - (((cells_1.row) >> (vec4<u32>(u32(1)))));
cells_1.weight = (vec4<u32>(u32(i32(256) - _S12), u32(_S12 - _S11), u32(_S11), u32(0)) << (vec4<u32>(u32(8))));
return cells_1;
}
fn ntc_square( p_1 : vec2<i32>) -> NtcCells
{
var cell_0 : vec2<i32> = (p_1 >> (vec2<u32>(u32(8))));
var _S16 : vec2<u32> = vec2<u32>((p_1 & (vec2<i32>(i32(255)))));
var g_0 : vec2<u32> = vec2<u32>(u32(256)) - _S16;
var cells_2 : NtcCells;
cells_2.column = vec4<i32>(cell_0.x) + vec4<i32>(i32(0), i32(1), i32(0), i32(1));
cells_2.row = vec4<i32>(cell_0.y) + vec4<i32>(i32(0), i32(0), i32(1), i32(1));
var _S17 : u32 = g_0.x;
var _S18 : u32 = g_0.y;
var _S19 : u32 = _S16.x;
var _S20 : u32 = _S16.y;
cells_2.weight = vec4<u32>(_S17 * _S18, _S19 * _S18, _S17 * _S20, _S19 * _S20);
return cells_2;
}
fn ntc_address( cell_1 : vec4<i32>,  cells_3 : i32,  wrap_0 : bool) -> vec4<i32>
{
var _S21 : vec4<i32> = vec4<i32>(cells_3);
return clamp(cell_1 + _S21 * (vec4<i32>(i32(wrap_0)) * (vec4<i32>(cell_1 < vec4<i32>(i32(0))) - vec4<i32>(cell_1 >= _S21))), vec4<i32>(i32(0)), vec4<i32>((cells_3 - i32(1))));
}
fn ntc_gather( material_9 : NtcMaterial,  at_4 : vec4<u32>) -> vec4<u32>
{
return vec4<u32>(ntc_word(material_9, at_4.x), ntc_word(material_9, at_4.y), ntc_word(material_9, at_4.z), ntc_word(material_9, at_4.w));
}
fn ntc_hashed_block( level_2 : NtcLevel,  column_1 : vec4<u32>,  row_1 : vec4<u32>) -> vec4<u32>
{
return (((column_1 ^ ((row_1 * vec4<u32>(u32(2654435761)))))) & (vec4<u32>((((u32(1) << ((((level_2.table_log2 - u32(2) * level_2.block_log2) & (u32(31))))))) - u32(1)))));
}
struct NtcTaps
{
word : vec4<u32>,
bit : vec4<u32>,
width_1 : vec4<u32>,
gain : vec4<u32>,
bias : u32,
};
fn ntc_taps( material_10 : NtcMaterial,  level_3 : NtcLevel,  position_1 : vec2<u32>,  wrap_1 : vec2<bool>) -> NtcTaps
{
var p_2 : vec2<i32> = vec2<i32>(ntc_cell_position(position_1.x, level_3.width), ntc_cell_position(position_1.y, level_3.height));
var cells_4 : NtcCells;
if(level_3.simplex)
{
cells_4 = ntc_triangle(p_2);
}
else
{
cells_4 = ntc_square(p_2);
}
var _S22 : vec4<u32> = vec4<u32>(ntc_address(cells_4.column, i32(level_3.width), wrap_1.x));
var _S23 : vec4<u32> = vec4<u32>(ntc_address(cells_4.row, i32(level_3.height), wrap_1.y));
var _S24 : NtcCells = cells_4;
var inner_0 : u32 = ((u32(1) << ((level_3.block_log2)))) - u32(1);
var y_0 : vec4<u32>;
var x_0 : vec4<u32>;
var weight_1 : vec4<u32>;
if(level_3.masked)
{
var _S25 : vec4<u32> = vec4<u32>(level_3.block_log2);
var block_0 : vec4<u32> = ((_S23 >> (_S25))) * vec4<u32>(level_3.blocks_in_row) + ((_S22 >> (_S25)));
var pair_0 : vec4<u32> = vec4<u32>(level_3.mask) + vec4<u32>(u32(2)) * ((block_0 >> (vec4<u32>(u32(5)))));
var bits_0 : vec4<u32> = ntc_gather(material_10, pair_0);
var _S26 : vec4<u32> = vec4<u32>(u32(1));
var _S27 : vec4<u32> = (block_0 & (vec4<u32>(u32(31))));
var weight_2 : vec4<u32> = _S24.weight * ((((bits_0 >> (_S27))) & (_S26)));
var _S28 : vec4<u32> = vec4<u32>(inner_0);
var _S29 : vec4<u32> = (_S22 & (_S28));
y_0 = ((((ntc_gather(material_10, pair_0 + _S26) + countOneBits((bits_0 & ((((vec4<u32>(vec4<i32>(i32(1))) << (_S27))) - _S26))))) << (_S25))) | (((_S23 & (_S28)))));
x_0 = _S29;
weight_1 = weight_2;
}
else
{
if((level_3.table_log2) != u32(0))
{
var _S30 : vec4<u32> = vec4<u32>(level_3.block_log2);
var block_1 : vec4<u32> = ntc_hashed_block(level_3, (_S22 >> (_S30)), (_S23 >> (_S30)));
var columns_log2_0 : u32 = ((level_3.table_log2 - level_3.table_log2 / u32(2) - level_3.block_log2) & (u32(31)));
var _S31 : vec4<u32> = vec4<u32>(inner_0);
var _S32 : vec4<u32> = (((((block_1 & (vec4<u32>((((u32(1) << (columns_log2_0))) - u32(1)))))) << (_S30))) | (((_S22 & (_S31)))));
y_0 = (((((block_1 >> (vec4<u32>(columns_log2_0)))) << (_S30))) | (((_S23 & (_S31)))));
x_0 = _S32;
}
else
{
y_0 = _S23;
x_0 = _S22;
}
weight_1 = _S24.weight;
}
var side_0 : u32 = (u32(1) << ((level_3.tile_log2)));
var _S33 : vec4<u32> = vec4<u32>(level_3.tile_log2);
var _S34 : vec4<u32> = (x_0 >> (_S33));
var _S35 : vec4<u32> = vec4<u32>((side_0 - u32(1)));
var code_0 : vec4<u32> = (((y_0 & (_S35))) * min(vec4<u32>(side_0), vec4<u32>(level_3.stored_width) - ((_S34 << (_S33)))) + ((x_0 & (_S35)))) * vec4<u32>(level_3.features);
var _S36 : vec4<u32> = vec4<u32>(level_3.directory) + vec4<u32>(u32(2)) * (((y_0 >> (_S33))) * vec4<u32>(level_3.tiles_in_row) + _S34);
var first_and_width_0 : vec4<u32> = ntc_gather(material_10, _S36);
var scale_and_offset_0 : vec4<u32> = ntc_gather(material_10, _S36 + vec4<u32>(u32(1)));
var shares_0 : vec4<u32> = weight_1 * vec4<u32>((vec4<i32>(scale_and_offset_0) >> (vec4<u32>(u32(16)))));
var taps_0 : NtcTaps;
taps_0.word = vec4<u32>(level_3.codes) + ((first_and_width_0 & (vec4<u32>(u32(268435455)))));
var _S37 : vec4<u32> = min((first_and_width_0 >> (vec4<u32>(u32(28)))), vec4<u32>(vec4<i32>(i32(8))));
taps_0.width_1 = _S37;
taps_0.bit = code_0 * _S37;
taps_0.gain = weight_1 * ((scale_and_offset_0 & (vec4<u32>(u32(65535)))));
taps_0.bias = shares_0.x + shares_0.y + shares_0.z + shares_0.w + u32(4194304);
return taps_0;
}
fn ntc_four_features( material_11 : NtcMaterial,  taps_1 : NtcTaps,  f_1 : u32) -> u32
{
var bit_1 : vec4<u32> = taps_1.bit + vec4<u32>(f_1) * taps_1.width_1;
var at_5 : vec4<u32> = taps_1.word + ((bit_1 >> (vec4<u32>(u32(5)))));
var _S38 : vec4<u32> = vec4<u32>(u32(31));
var _S39 : vec4<u32> = (bit_1 & (_S38));
var _S40 : vec4<u32> = vec4<u32>(u32(1));
var _S41 : vec4<u32> = ((((ntc_gather(material_11, at_5)) >> (_S39))) | ((((((ntc_gather(material_11, at_5 + _S40)) << (_S40))) << ((_S38 - _S39))))));
var _S42 : vec4<u32> = ((vec4<u32>(vec4<i32>(i32(1))) << ((taps_1.width_1)))) - _S40;
var i_1 : u32 = u32(0);
var codes_1 : vec4<u32> = _S41;
var packed_0 : u32 = u32(0);
for(;;)
{
if(i_1 < u32(4))
{
}
else
{
break;
}
var parts_0 : vec4<u32> = taps_1.gain * ((codes_1 & (_S42)));
var packed_1 : u32 = (packed_0 | ((((((((taps_1.bias + parts_0.x + parts_0.y + parts_0.z + parts_0.w) >> (u32(23)))) & (u32(255)))) << ((u32(8) * i_1))))));
var codes_2 : vec4<u32> = (codes_1 >> ((taps_1.width_1)));
i_1 = i_1 + u32(1);
codes_1 = codes_2;
packed_0 = packed_1;
}
return packed_0;
}
fn ntc_dot4( a_0 : u32,  b_0 : u32,  sum_0 : i32) -> i32
{
return ((dot4I8Packed((a_0), (b_0)) + (sum_0)));
}
fn ntc_rows( inputs_0 : u32,  weights_0 : vec4<u32>,  sum_1 : vec4<i32>) -> vec4<i32>
{
return vec4<i32>(ntc_dot4(inputs_0, weights_0.x, sum_1.x), ntc_dot4(inputs_0, weights_0.y, sum_1.y), ntc_dot4(inputs_0, weights_0.z, sum_1.z), ntc_dot4(inputs_0, weights_0.w, sum_1.w));
}
fn ntc_storage( bias_1 : vec4<i32>,  sum_2 : vec4<i32>,  shift_0 : vec4<u32>) -> vec2<u32>
{
var _S43 : vec4<u32> = vec4<u32>(clamp(((bias_1 + vec4<i32>(i32(256)) * sum_2) >> (shift_0)), vec4<i32>(i32(0)), vec4<i32>(i32(65535))));
return vec2<u32>(((_S43.x) | ((((_S43.y) << (u32(16)))))), ((_S43.z) | ((((_S43.w) << (u32(16)))))));
}
fn ntc_activation( t_0 : vec4<i32>) -> u32
{
var _S44 : vec4<i32> = clamp(t_0, vec4<i32>(i32(-64)), vec4<i32>(i32(127)));
var _S45 : vec4<i32> = vec4<i32>(i32(64));
var units_0 : vec4<u32> = (vec4<u32>(((_S44 * min(_S44 + _S45, vec4<i32>(i32(128))) + _S45) >> (vec4<u32>(u32(7))))) & (vec4<u32>(u32(255))));
return ((((((units_0.x) | ((((units_0.y) << (u32(8))))))) | ((((units_0.z) << (u32(16))))))) | ((((units_0.w) << (u32(24))))));
}
struct NtcTexel
{
values : array<u32, i32(16)>,
};
fn ntc_field( material_12 : NtcMaterial,  u24_0 : u32,  v24_0 : u32,  lod8_0 : u32) -> NtcTexel
{
var i_2 : u32;
var _S46 : u32;
var f_2 : u32;
var _S47 : NtcTexel;
var position_2 : vec2<u32> = min(vec2<u32>(u24_0, v24_0), vec2<u32>(vec2<i32>(i32(16777215))));
var x_1 : array<u32, i32(64)>;
var _S48 : u32 = min(lod8_0, u32(8) * (ntc_mips(material_12) - u32(1)));
for(;;)
{
var lod_input_0 : u32 = clamp(ntc_word(material_12, u32(7)), u32(1), u32(128)) - u32(1);
i_2 = u32(0);
for(;;)
{
var _S49 : u32 = (lod_input_0 >> (u32(2)));
_S46 = _S49;
if(i_2 <= (_S49 + u32(1)))
{
}
else
{
break;
}
x_1[i_2] = u32(0);
i_2 = i_2 + u32(1);
}
x_1[_S46] = (_S48 << ((u32(8) * ((lod_input_0 & (u32(3)))))));
var _S50 : u32 = min(ntc_word(material_12, u32(4)), u32(16));
var _S51 : vec2<bool> = ntc_wrap(material_12);
var index_2 : u32 = u32(0);
for(;;)
{
if(index_2 < _S50)
{
}
else
{
break;
}
var role_0 : u32 = ntc_role(material_12, (_S48 >> (u32(3))), _S50, index_2);
if(role_0 >= lod_input_0)
{
index_2 = index_2 + u32(1);
continue;
}
var level_4 : NtcLevel = ntc_level(material_12, index_2);
var _S52 : NtcTaps = ntc_taps(material_12, level_4, position_2, _S51);
f_2 = u32(0);
for(;;)
{
if(f_2 < (level_4.features))
{
}
else
{
break;
}
var packed_2 : u32 = ((ntc_four_features(material_12, _S52, f_2)) & (((u32(4294967295) >> ((u32(8) * (u32(4) - min(level_4.features - f_2, u32(4)))))))));
var _S53 : u32 = role_0 + f_2;
var _S54 : u32 = min((_S53 >> (u32(2))), u32(31));
var shift_1 : u32 = u32(8) * ((_S53 & (u32(3))));
x_1[_S54] = ((x_1[_S54]) | (((packed_2 << (shift_1)))));
x_1[_S54 + u32(1)] = ((x_1[_S54 + u32(1)]) | (((((packed_2 >> (u32(1)))) >> ((u32(31) - shift_1))))));
f_2 = f_2 + u32(4);
}
index_2 = index_2 + u32(1);
}
var step_0 : u32 = (_S48 & (u32(7)));
if(step_0 != u32(0))
{
var _S55 : u32 = (_S48 >> (u32(3)));
for(;;)
{
index_2 = u32(0);
for(;;)
{
if(index_2 < _S50)
{
}
else
{
break;
}
if((ntc_role(material_12, _S55 + u32(1), _S50, index_2)) < lod_input_0)
{
index_2 = index_2 + u32(1);
continue;
}
var role_1 : u32 = ntc_role(material_12, _S55, _S50, index_2);
var _S56 : u32 = min(role_1 + ntc_level(material_12, index_2).features, lod_input_0);
i_2 = role_1;
for(;;)
{
if(i_2 < _S56)
{
}
else
{
break;
}
var shift_2 : u32 = u32(8) * ((i_2 & (u32(3))));
var input_0 : i32 = (i32(((x_1[(i_2 >> (u32(2)))]) << ((u32(24) - shift_2)))) >> (u32(24)));
x_1[(i_2 >> (u32(2)))] = ((x_1[(i_2 >> (u32(2)))]) ^ (((((u32((input_0 ^ ((((input_0 * i32(u32(8) - step_0) + i32(4)) >> (u32(3))))))) & (u32(255)))) << (shift_2)))));
i_2 = i_2 + u32(1);
}
index_2 = index_2 + u32(1);
}
break;
}
}
break;
}
for(;;)
{
var texel_1 : NtcTexel;
i_2 = u32(0);
for(;;)
{
if(i_2 < u32(16))
{
}
else
{
break;
}
texel_1.values[i_2] = u32(0);
i_2 = i_2 + u32(1);
}
var _S57 : u32 = min(ntc_word(material_12, u32(5)), u32(4));
var _S58 : u32 = ntc_word(material_12, u32(9));
f_2 = u32(0);
var layer_0 : u32 = u32(0);
for(;;)
{
if(layer_0 < _S57)
{
}
else
{
break;
}
var record_0 : vec4<u32> = ntc_words4(material_12, _S58 + u32(4) * layer_0);
var _S59 : u32 = layer_0 + u32(1);
var last_0 : bool = _S59 == _S57;
var columns_0 : u32 = u32(2) * ((min(record_0.x, u32(128)) + u32(7)) / u32(8));
var _S60 : u32 = record_0.y;
if(last_0)
{
i_2 = u32(32);
}
else
{
i_2 = u32(128);
}
var _S61 : u32 = (min(_S60, i_2) + u32(7)) / u32(8);
var length_1 : u32 = u32(16) + u32(8) * columns_0;
var to_0 : u32 = u32(32) - f_2;
if(length_1 > (material_12.count))
{
break;
}
var group_0 : u32 = u32(0);
for(;;)
{
if(group_0 < _S61)
{
}
else
{
break;
}
var at_6 : u32 = ntc_run(material_12, record_0.z + group_0 * length_1, length_1);
var _S62 : vec4<i32> = vec4<i32>(ntc_load4(at_6));
var _S63 : vec4<i32> = vec4<i32>(ntc_load4(at_6 + u32(4)));
var _S64 : vec4<u32> = vec4<u32>(u32(31));
var shift0_0 : vec4<u32> = ((ntc_load4(at_6 + u32(8))) & (_S64));
var shift1_0 : vec4<u32> = ((ntc_load4(at_6 + u32(12))) & (_S64));
var _S65 : vec4<i32> = vec4<i32>(i32(0));
var sum0_0 : vec4<i32> = _S65;
var sum1_0 : vec4<i32> = _S65;
var column_2 : u32 = u32(0);
var at_7 : u32 = at_6;
for(;;)
{
if(column_2 < columns_0)
{
}
else
{
break;
}
var at_8 : u32 = at_7 + u32(16);
var _S66 : u32 = f_2 + column_2;
var _S67 : vec4<i32> = ntc_rows(x_1[_S66 + u32(1)], ntc_load4(at_8 + u32(8)), ntc_rows(x_1[_S66], ntc_load4(at_8), sum0_0));
var _S68 : vec4<i32> = ntc_rows(x_1[_S66 + u32(1)], ntc_load4(at_8 + u32(12)), ntc_rows(x_1[_S66], ntc_load4(at_8 + u32(4)), sum1_0));
var column_3 : u32 = column_2 + u32(2);
sum0_0 = _S67;
sum1_0 = _S68;
column_2 = column_3;
at_7 = at_8;
}
if(last_0)
{
var values0_0 : vec2<u32> = ntc_storage(_S62, sum0_0, shift0_0);
var values1_0 : vec2<u32> = ntc_storage(_S63, sum1_0, shift1_0);
var _S69 : u32 = u32(4) * group_0;
texel_1.values[_S69] = values0_0.x;
texel_1.values[_S69 + u32(1)] = values0_0.y;
texel_1.values[_S69 + u32(2)] = values1_0.x;
texel_1.values[_S69 + u32(3)] = values1_0.y;
}
else
{
var _S70 : u32 = to_0 + u32(2) * group_0;
x_1[_S70] = ntc_activation(((_S62 + sum0_0) >> (shift0_0)));
x_1[_S70 + u32(1)] = ntc_activation(((_S63 + sum1_0) >> (shift1_0)));
}
group_0 = group_0 + u32(1);
}
f_2 = to_0;
layer_0 = _S59;
}
_S47 = texel_1;
break;
}
return _S47;
}
fn ntc_decode_item( material_13 : NtcMaterial,  index_3 : u32) -> NtcTexel
{
var mode_0 : u32 = ntc_job[i32(2)];
var _S71 : u32 = min(ntc_job[i32(3)], ntc_mips(material_13) - u32(1));
var size_1 : vec2<u32> = ntc_mip_size(material_13, _S71);
var at_9 : vec3<u32>;
if(mode_0 == u32(2))
{
var first_1 : u32 = ntc_job[i32(11)] + u32(3) * index_3;
at_9 = vec3<u32>(ntc_list[first_1], ntc_list[first_1 + u32(1)], ntc_list[first_1 + u32(2)]);
}
else
{
var texel_2 : vec2<u32>;
if(mode_0 == u32(1))
{
var first_2 : u32 = ntc_job[i32(11)] + u32(2) * index_3;
texel_2 = vec2<u32>(ntc_list[first_2], ntc_list[first_2 + u32(1)]);
}
else
{
var _S72 : u32 = ntc_job[i32(4)];
var _S73 : u32 = index_3 % ntc_job[i32(6)];
var _S74 : u32 = _S72 + _S73;
var _S75 : u32 = ntc_job[i32(5)];
var _S76 : u32 = index_3 / ntc_job[i32(6)];
texel_2 = vec2<u32>(_S74, _S75 + _S76);
}
var texel_3 : vec2<u32> = min(texel_2, size_1 - vec2<u32>(u32(1)));
var _S77 : u32 = ntc_position(texel_3.x, size_1.x);
var _S78 : u32 = ntc_position(texel_3.y, size_1.y);
at_9 = vec3<u32>(_S77, _S78, u32(8) * _S71);
}
return ntc_field(material_13, at_9.x, at_9.y, at_9.z);
}
fn ntc_value( texel_4 : NtcTexel,  channel_0 : u32) -> u32
{
return ((((texel_4.values[((min(channel_0, u32(31))) >> (u32(1)))]) >> ((u32(16) * ((channel_0 & (u32(1)))))))) & (u32(65535)));
}
fn ntc_to_half( value_1 : u32) -> u32
{
if(value_1 < u32(4))
{
return (value_1 << (u32(8)));
}
if(value_1 == u32(65535))
{
return u32(15360);
}
var zeros_0 : u32 = u32(15) - firstbithigh_0(value_1);
var digits_0 : u32 = (((((value_1 << ((u32(16) + zeros_0)))) | (((value_1 << (zeros_0)))))) | (((value_1 >> ((u32(16) - zeros_0))))));
return (((u32(13) - zeros_0) << (u32(10)))) + ((digits_0 >> (u32(21)))) + ((((digits_0 >> (u32(20)))) & (u32(1))));
}
fn ntc_to_float( value_2 : u32) -> u32
{
if(value_2 == u32(0))
{
return u32(0);
}
if(value_2 == u32(65535))
{
return u32(1065353216);
}
var zeros_1 : u32 = u32(15) - firstbithigh_0(value_2);
var digits_1 : u32 = (((((value_2 << ((u32(16) + zeros_1)))) | (((value_2 << (zeros_1)))))) | (((value_2 >> ((u32(16) - zeros_1))))));
return (((u32(125) - zeros_1) << (u32(23)))) + ((digits_1 >> (u32(8)))) + ((((digits_1 >> (u32(7)))) & (u32(1))));
}
fn ntc_convert( value_3 : u32,  type_0 : u32) -> u32
{
switch(type_0)
{
case u32(0):
{
return (value_3 + u32(128)) / u32(257);
}
case u32(2):
{
return ntc_to_half(value_3);
}
case u32(3):
{
return ntc_to_float(value_3);
}
default :
{
return value_3;
}
}
}
@compute
@workgroup_size(64, 1, 1)
fn ntc_decode(@builtin(workgroup_id) group_1 : vec3<u32>, @builtin(local_invocation_index) lane_0 : u32)
{
var index_4 : u32 = (group_1.y * u32(65535) + group_1.x) * u32(64) + lane_0;
if(index_4 >= (ntc_job[i32(6)] * ntc_job[i32(7)]))
{
return;
}
var material_14 : NtcMaterial;
material_14.first = ntc_job[i32(0)];
material_14.count = ntc_job[i32(1)];
var _S79 : NtcTexel = ntc_decode_item(material_14, index_4);
var type_1 : u32 = ntc_job[i32(9)];
var _S80 : u32 = min(ntc_job[i32(10)], u32(32));
var _S81 : i32;
if(type_1 == u32(0))
{
_S81 = i32(2);
}
else
{
if(type_1 == u32(3))
{
_S81 = i32(0);
}
else
{
_S81 = i32(1);
}
}
var per_word_log2_0 : u32 = u32(_S81);
var per_word_0 : u32 = (u32(1) << (per_word_log2_0));
var words_0 : u32 = ((_S80 + per_word_0 - u32(1)) >> (per_word_log2_0));
var _S82 : u32 = ntc_job[i32(8)] + index_4 * words_0;
var word_1 : u32 = u32(0);
for(;;)
{
if(word_1 < words_0)
{
}
else
{
break;
}
var i_3 : u32 = u32(0);
var packed_3 : u32 = u32(0);
for(;;)
{
if(i_3 < per_word_0)
{
}
else
{
break;
}
var c_0 : u32 = word_1 * per_word_0 + i_3;
var channel_1 : u32 = (((ntc_job[u32(12) + ((c_0 >> (u32(2))))] >> ((u32(8) * ((c_0 & (u32(3)))))))) & (u32(255)));
if(c_0 < _S80)
{
packed_3 = (packed_3 | ((((ntc_convert(ntc_value(_S79, channel_1), type_1)) << ((i_3 * u32((i32(32) >> (per_word_log2_0)))))))));
}
i_3 = i_3 + u32(1);
}
ntc_out[_S82 + word_1] = packed_3;
word_1 = word_1 + u32(1);
}
return;
}
`,Ce=`// Generated by tools/export_shaders.py from shaders/ntc.slang: do not edit.
//
// The decoder of .ntc materials, for inclusion by engines: shaders/README.md says how.
const NTC_FILTER_TEXEL : u32 = 0u; // nearest texel of the nearest mip: 1 decode
const NTC_FILTER_FILTERED : u32 = 1u; // the field at uv and lod, for materials fitted to be filtered: 1 decode
const NTC_FILTER_EXACT : u32 = 2u; // trilinear: 4 decodes in one mip, 8 between two
const NTC_FILTER_STOCHASTIC : u32 = 3u; // one of the texels of EXACT, by chance as its weight: 1 decode
// Bind the words where you like.
@binding(0) @group(0) var<storage, read> ntc_words : array<u32>;
struct NtcMaterial
{
first : u32,
count : u32,
};
fn ntc_word( material_0 : NtcMaterial,  at_0 : u32) -> u32
{
return ntc_words[material_0.first + min(at_0, material_0.count - u32(1))];
}
fn ntc_size( material_1 : NtcMaterial) -> vec2<u32>
{
return clamp(vec2<u32>(ntc_word(material_1, u32(0)), ntc_word(material_1, u32(1))), vec2<u32>(vec2<i32>(i32(1))), vec2<u32>(u32(16384)));
}
fn ntc_channels( material_2 : NtcMaterial) -> u32
{
return min(ntc_word(material_2, u32(3)), u32(32));
}
fn ntc_mips( material_3 : NtcMaterial) -> u32
{
return clamp(ntc_word(material_3, u32(2)), u32(1), u32(15));
}
fn ntc_mip_size( material_4 : NtcMaterial,  mip_0 : u32) -> vec2<u32>
{
return max(((ntc_size(material_4)) >> (vec2<u32>(min(mip_0, u32(14))))), vec2<u32>(vec2<i32>(i32(1))));
}
fn ntc_position( texel_0 : u32,  size_0 : u32) -> u32
{
var n_0 : u32 = ((u32(2) * texel_0 + u32(1)) << (u32(12)));
var _S1 : u32 = n_0 / size_0;
var _S2 : u32 = (_S1 << (u32(11)));
var _S3 : u32 = n_0 % size_0;
var _S4 : u32 = ((_S3 << (u32(11)))) / size_0;
return _S2 + _S4;
}
fn ntc_wrap( material_5 : NtcMaterial) -> vec2<bool>
{
var flags_0 : u32 = ntc_word(material_5, u32(6));
return vec2<bool>(((flags_0 & (u32(1)))) != u32(0), ((flags_0 & (u32(2)))) != u32(0));
}
fn ntc_role( material_6 : NtcMaterial,  mip_1 : u32,  levels_0 : u32,  level_0 : u32) -> u32
{
var index_0 : u32 = mip_1 * levels_0 + level_0;
return ((((ntc_word(material_6, ntc_word(material_6, u32(8)) + ((index_0 >> (u32(2)))))) >> ((u32(8) * ((index_0 & (u32(3)))))))) & (u32(255)));
}
fn ntc_run( material_7 : NtcMaterial,  at_1 : u32,  length_0 : u32) -> u32
{
return ((material_7.first + min(at_1, material_7.count - length_0)) & (u32(4294967292)));
}
fn ntc_load4( i_0 : u32) -> vec4<u32>
{
return vec4<u32>(ntc_words[i_0], ntc_words[i_0 + u32(1)], ntc_words[i_0 + u32(2)], ntc_words[i_0 + u32(3)]);
}
fn ntc_words4( material_8 : NtcMaterial,  at_2 : u32) -> vec4<u32>
{
return ntc_load4(ntc_run(material_8, at_2, u32(4)));
}
struct NtcLevel
{
width : u32,
height : u32,
features : u32,
tile_log2 : u32,
table_log2 : u32,
block_log2 : u32,
masked : bool,
simplex : bool,
tiles_in_row : u32,
stored_width : u32,
directory : u32,
codes : u32,
mask : u32,
blocks_in_row : u32,
};
fn ntc_level( material_9 : NtcMaterial,  index_1 : u32) -> NtcLevel
{
var at_3 : u32 = u32(12) + u32(12) * index_1;
var outline_0 : vec4<u32> = ntc_words4(material_9, at_3);
var stored_0 : vec4<u32> = ntc_words4(material_9, at_3 + u32(4));
var blocks_0 : vec4<u32> = ntc_words4(material_9, at_3 + u32(8));
var level_1 : NtcLevel;
level_1.width = clamp(outline_0.x, u32(1), u32(16384));
level_1.height = clamp(outline_0.y, u32(1), u32(16384));
var _S5 : u32 = outline_0.z;
level_1.features = min((_S5 & (u32(255))), u32(32));
level_1.tile_log2 = (((_S5 >> (u32(8)))) & (u32(7)));
level_1.table_log2 = (((_S5 >> (u32(16)))) & (u32(31)));
level_1.block_log2 = (((_S5 >> (u32(21)))) & (u32(7)));
level_1.masked = ((((_S5 >> (u32(24)))) & (u32(1)))) != u32(0);
level_1.simplex = ((((_S5 >> (u32(25)))) & (u32(1)))) != u32(0);
level_1.tiles_in_row = outline_0.w;
level_1.stored_width = stored_0.y;
level_1.directory = stored_0.z;
level_1.codes = stored_0.w;
level_1.mask = blocks_0.y;
level_1.blocks_in_row = blocks_0.z;
return level_1;
}
fn ntc_cell_position( position_0 : u32,  cells_0 : u32) -> i32
{
return i32(((((position_0 >> (u32(12)))) * cells_0 + (((((position_0 & (u32(4095)))) * cells_0) >> (u32(12))))) >> (u32(4)))) - i32(128);
}
struct NtcCells
{
column : vec4<i32>,
row : vec4<i32>,
weight : vec4<u32>,
};
fn ntc_triangle( p_0 : vec2<i32>) -> NtcCells
{
var _S6 : i32 = p_0.y;
var _S7 : vec2<i32> = vec2<i32>(p_0.x + ((_S6 >> (u32(1)))), _S6);
var corner_0 : vec2<i32> = (_S7 >> (vec2<u32>(u32(8))));
var f_0 : vec2<i32> = (_S7 & (vec2<i32>(i32(255))));
var _S8 : i32 = f_0.x;
var _S9 : i32 = f_0.y;
var right_0 : bool = _S8 >= _S9;
var _S10 : i32 = min(_S8, _S9);
var _S11 : i32 = max(_S8, _S9);
var cells_1 : NtcCells;
var _S12 : i32 = corner_0.y;
var _S13 : i32;
if(right_0)
{
_S13 = i32(0);
}
else
{
_S13 = i32(1);
}
cells_1.row = vec4<i32>(_S12) + vec4<i32>(i32(0), _S13, i32(1), i32(1));
var _S14 : i32 = corner_0.x;
if(right_0)
{
_S13 = i32(1);
}
else
{
_S13 = i32(0);
}
cells_1.column = vec4<i32>(_S14) + vec4<i32>(i32(0), _S13, i32(1), i32(1)) - (((cells_1.row) >> (vec4<u32>(u32(1)))));
cells_1.weight = (vec4<u32>(u32(i32(256) - _S11), u32(_S11 - _S10), u32(_S10), u32(0)) << (vec4<u32>(u32(8))));
return cells_1;
}
fn ntc_square( p_1 : vec2<i32>) -> NtcCells
{
var cell_0 : vec2<i32> = (p_1 >> (vec2<u32>(u32(8))));
var _S15 : vec2<u32> = vec2<u32>((p_1 & (vec2<i32>(i32(255)))));
var g_0 : vec2<u32> = vec2<u32>(u32(256)) - _S15;
var cells_2 : NtcCells;
cells_2.column = vec4<i32>(cell_0.x) + vec4<i32>(i32(0), i32(1), i32(0), i32(1));
cells_2.row = vec4<i32>(cell_0.y) + vec4<i32>(i32(0), i32(0), i32(1), i32(1));
var _S16 : u32 = g_0.x;
var _S17 : u32 = g_0.y;
var _S18 : u32 = _S15.x;
var _S19 : u32 = _S15.y;
cells_2.weight = vec4<u32>(_S16 * _S17, _S18 * _S17, _S16 * _S19, _S18 * _S19);
return cells_2;
}
fn ntc_address( cell_1 : vec4<i32>,  cells_3 : i32,  wrap_0 : bool) -> vec4<i32>
{
var _S20 : vec4<i32> = vec4<i32>(cells_3);
return clamp(cell_1 + _S20 * (vec4<i32>(i32(wrap_0)) * (vec4<i32>(cell_1 < vec4<i32>(i32(0))) - vec4<i32>(cell_1 >= _S20))), vec4<i32>(i32(0)), vec4<i32>((cells_3 - i32(1))));
}
fn ntc_gather( material_10 : NtcMaterial,  at_4 : vec4<u32>) -> vec4<u32>
{
return vec4<u32>(ntc_word(material_10, at_4.x), ntc_word(material_10, at_4.y), ntc_word(material_10, at_4.z), ntc_word(material_10, at_4.w));
}
fn ntc_hashed_block( level_2 : NtcLevel,  column_1 : vec4<u32>,  row_1 : vec4<u32>) -> vec4<u32>
{
return (((column_1 ^ ((row_1 * vec4<u32>(u32(2654435761)))))) & (vec4<u32>((((u32(1) << ((((level_2.table_log2 - u32(2) * level_2.block_log2) & (u32(31))))))) - u32(1)))));
}
struct NtcTaps
{
word : vec4<u32>,
bit : vec4<u32>,
width_1 : vec4<u32>,
gain : vec4<u32>,
bias : u32,
};
fn ntc_taps( material_11 : NtcMaterial,  level_3 : NtcLevel,  position_1 : vec2<u32>,  wrap_1 : vec2<bool>) -> NtcTaps
{
var p_2 : vec2<i32> = vec2<i32>(ntc_cell_position(position_1.x, level_3.width), ntc_cell_position(position_1.y, level_3.height));
var cells_4 : NtcCells;
if(level_3.simplex)
{
cells_4 = ntc_triangle(p_2);
}
else
{
cells_4 = ntc_square(p_2);
}
var _S21 : vec4<u32> = vec4<u32>(ntc_address(cells_4.column, i32(level_3.width), wrap_1.x));
var _S22 : vec4<u32> = vec4<u32>(ntc_address(cells_4.row, i32(level_3.height), wrap_1.y));
var _S23 : NtcCells = cells_4;
var inner_0 : u32 = ((u32(1) << ((level_3.block_log2)))) - u32(1);
var y_0 : vec4<u32>;
var x_0 : vec4<u32>;
var weight_1 : vec4<u32>;
if(level_3.masked)
{
var _S24 : vec4<u32> = vec4<u32>(level_3.block_log2);
var block_0 : vec4<u32> = ((_S22 >> (_S24))) * vec4<u32>(level_3.blocks_in_row) + ((_S21 >> (_S24)));
var pair_0 : vec4<u32> = vec4<u32>(level_3.mask) + vec4<u32>(u32(2)) * ((block_0 >> (vec4<u32>(u32(5)))));
var bits_0 : vec4<u32> = ntc_gather(material_11, pair_0);
var _S25 : vec4<u32> = vec4<u32>(u32(1));
var _S26 : vec4<u32> = (block_0 & (vec4<u32>(u32(31))));
var weight_2 : vec4<u32> = _S23.weight * ((((bits_0 >> (_S26))) & (_S25)));
var _S27 : vec4<u32> = vec4<u32>(inner_0);
var _S28 : vec4<u32> = (_S21 & (_S27));
y_0 = ((((ntc_gather(material_11, pair_0 + _S25) + countOneBits((bits_0 & ((((vec4<u32>(vec4<i32>(i32(1))) << (_S26))) - _S25))))) << (_S24))) | (((_S22 & (_S27)))));
x_0 = _S28;
weight_1 = weight_2;
}
else
{
if((level_3.table_log2) != u32(0))
{
var _S29 : vec4<u32> = vec4<u32>(level_3.block_log2);
var block_1 : vec4<u32> = ntc_hashed_block(level_3, (_S21 >> (_S29)), (_S22 >> (_S29)));
var columns_log2_0 : u32 = ((level_3.table_log2 - level_3.table_log2 / u32(2) - level_3.block_log2) & (u32(31)));
var _S30 : vec4<u32> = vec4<u32>(inner_0);
var _S31 : vec4<u32> = (((((block_1 & (vec4<u32>((((u32(1) << (columns_log2_0))) - u32(1)))))) << (_S29))) | (((_S21 & (_S30)))));
y_0 = (((((block_1 >> (vec4<u32>(columns_log2_0)))) << (_S29))) | (((_S22 & (_S30)))));
x_0 = _S31;
}
else
{
y_0 = _S22;
x_0 = _S21;
}
weight_1 = _S23.weight;
}
var side_0 : u32 = (u32(1) << ((level_3.tile_log2)));
var _S32 : vec4<u32> = vec4<u32>(level_3.tile_log2);
var _S33 : vec4<u32> = (x_0 >> (_S32));
var _S34 : vec4<u32> = vec4<u32>((side_0 - u32(1)));
var code_0 : vec4<u32> = (((y_0 & (_S34))) * min(vec4<u32>(side_0), vec4<u32>(level_3.stored_width) - ((_S33 << (_S32)))) + ((x_0 & (_S34)))) * vec4<u32>(level_3.features);
var _S35 : vec4<u32> = vec4<u32>(level_3.directory) + vec4<u32>(u32(2)) * (((y_0 >> (_S32))) * vec4<u32>(level_3.tiles_in_row) + _S33);
var first_and_width_0 : vec4<u32> = ntc_gather(material_11, _S35);
var scale_and_offset_0 : vec4<u32> = ntc_gather(material_11, _S35 + vec4<u32>(u32(1)));
var shares_0 : vec4<u32> = weight_1 * vec4<u32>((vec4<i32>(scale_and_offset_0) >> (vec4<u32>(u32(16)))));
var taps_0 : NtcTaps;
taps_0.word = vec4<u32>(level_3.codes) + ((first_and_width_0 & (vec4<u32>(u32(268435455)))));
var _S36 : vec4<u32> = min((first_and_width_0 >> (vec4<u32>(u32(28)))), vec4<u32>(vec4<i32>(i32(8))));
taps_0.width_1 = _S36;
taps_0.bit = code_0 * _S36;
taps_0.gain = weight_1 * ((scale_and_offset_0 & (vec4<u32>(u32(65535)))));
taps_0.bias = shares_0.x + shares_0.y + shares_0.z + shares_0.w + u32(4194304);
return taps_0;
}
fn ntc_four_features( material_12 : NtcMaterial,  taps_1 : NtcTaps,  f_1 : u32) -> u32
{
var bit_1 : vec4<u32> = taps_1.bit + vec4<u32>(f_1) * taps_1.width_1;
var at_5 : vec4<u32> = taps_1.word + ((bit_1 >> (vec4<u32>(u32(5)))));
var _S37 : vec4<u32> = vec4<u32>(u32(31));
var _S38 : vec4<u32> = (bit_1 & (_S37));
var _S39 : vec4<u32> = vec4<u32>(u32(1));
var _S40 : vec4<u32> = ((((ntc_gather(material_12, at_5)) >> (_S38))) | ((((((ntc_gather(material_12, at_5 + _S39)) << (_S39))) << ((_S37 - _S38))))));
var _S41 : vec4<u32> = ((vec4<u32>(vec4<i32>(i32(1))) << ((taps_1.width_1)))) - _S39;
var i_1 : u32 = u32(0);
var codes_1 : vec4<u32> = _S40;
var packed_0 : u32 = u32(0);
for(;;)
{
if(i_1 < u32(4))
{
}
else
{
break;
}
var parts_0 : vec4<u32> = taps_1.gain * ((codes_1 & (_S41)));
var packed_1 : u32 = (packed_0 | ((((((((taps_1.bias + parts_0.x + parts_0.y + parts_0.z + parts_0.w) >> (u32(23)))) & (u32(255)))) << ((u32(8) * i_1))))));
var codes_2 : vec4<u32> = (codes_1 >> ((taps_1.width_1)));
i_1 = i_1 + u32(1);
codes_1 = codes_2;
packed_0 = packed_1;
}
return packed_0;
}
fn ntc_dot4( a_0 : u32,  b_0 : u32,  sum_0 : i32) -> i32
{
return ((dot4I8Packed((a_0), (b_0)) + (sum_0)));
}
fn ntc_rows( inputs_0 : u32,  weights_0 : vec4<u32>,  sum_1 : vec4<i32>) -> vec4<i32>
{
return vec4<i32>(ntc_dot4(inputs_0, weights_0.x, sum_1.x), ntc_dot4(inputs_0, weights_0.y, sum_1.y), ntc_dot4(inputs_0, weights_0.z, sum_1.z), ntc_dot4(inputs_0, weights_0.w, sum_1.w));
}
fn ntc_storage( bias_1 : vec4<i32>,  sum_2 : vec4<i32>,  shift_0 : vec4<u32>) -> vec2<u32>
{
var _S42 : vec4<u32> = vec4<u32>(clamp(((bias_1 + vec4<i32>(i32(256)) * sum_2) >> (shift_0)), vec4<i32>(i32(0)), vec4<i32>(i32(65535))));
return vec2<u32>(((_S42.x) | ((((_S42.y) << (u32(16)))))), ((_S42.z) | ((((_S42.w) << (u32(16)))))));
}
fn ntc_activation( t_0 : vec4<i32>) -> u32
{
var _S43 : vec4<i32> = clamp(t_0, vec4<i32>(i32(-64)), vec4<i32>(i32(127)));
var _S44 : vec4<i32> = vec4<i32>(i32(64));
var units_0 : vec4<u32> = (vec4<u32>(((_S43 * min(_S43 + _S44, vec4<i32>(i32(128))) + _S44) >> (vec4<u32>(u32(7))))) & (vec4<u32>(u32(255))));
return ((((((units_0.x) | ((((units_0.y) << (u32(8))))))) | ((((units_0.z) << (u32(16))))))) | ((((units_0.w) << (u32(24))))));
}
struct NtcTexel
{
values : array<u32, i32(16)>,
};
fn ntc_field( material_13 : NtcMaterial,  u24_0 : u32,  v24_0 : u32,  lod8_0 : u32) -> NtcTexel
{
var i_2 : u32;
var _S45 : u32;
var f_2 : u32;
var _S46 : NtcTexel;
var position_2 : vec2<u32> = min(vec2<u32>(u24_0, v24_0), vec2<u32>(vec2<i32>(i32(16777215))));
var x_1 : array<u32, i32(64)>;
var _S47 : u32 = min(lod8_0, u32(8) * (ntc_mips(material_13) - u32(1)));
for(;;)
{
var lod_input_0 : u32 = clamp(ntc_word(material_13, u32(7)), u32(1), u32(128)) - u32(1);
i_2 = u32(0);
for(;;)
{
var _S48 : u32 = (lod_input_0 >> (u32(2)));
_S45 = _S48;
if(i_2 <= (_S48 + u32(1)))
{
}
else
{
break;
}
x_1[i_2] = u32(0);
i_2 = i_2 + u32(1);
}
x_1[_S45] = (_S47 << ((u32(8) * ((lod_input_0 & (u32(3)))))));
var _S49 : u32 = min(ntc_word(material_13, u32(4)), u32(16));
var _S50 : vec2<bool> = ntc_wrap(material_13);
var index_2 : u32 = u32(0);
for(;;)
{
if(index_2 < _S49)
{
}
else
{
break;
}
var role_0 : u32 = ntc_role(material_13, (_S47 >> (u32(3))), _S49, index_2);
if(role_0 >= lod_input_0)
{
index_2 = index_2 + u32(1);
continue;
}
var level_4 : NtcLevel = ntc_level(material_13, index_2);
var _S51 : NtcTaps = ntc_taps(material_13, level_4, position_2, _S50);
f_2 = u32(0);
for(;;)
{
if(f_2 < (level_4.features))
{
}
else
{
break;
}
var packed_2 : u32 = ((ntc_four_features(material_13, _S51, f_2)) & (((u32(4294967295) >> ((u32(8) * (u32(4) - min(level_4.features - f_2, u32(4)))))))));
var _S52 : u32 = role_0 + f_2;
var _S53 : u32 = min((_S52 >> (u32(2))), u32(31));
var shift_1 : u32 = u32(8) * ((_S52 & (u32(3))));
x_1[_S53] = ((x_1[_S53]) | (((packed_2 << (shift_1)))));
x_1[_S53 + u32(1)] = ((x_1[_S53 + u32(1)]) | (((((packed_2 >> (u32(1)))) >> ((u32(31) - shift_1))))));
f_2 = f_2 + u32(4);
}
index_2 = index_2 + u32(1);
}
var step_0 : u32 = (_S47 & (u32(7)));
if(step_0 != u32(0))
{
var _S54 : u32 = (_S47 >> (u32(3)));
for(;;)
{
index_2 = u32(0);
for(;;)
{
if(index_2 < _S49)
{
}
else
{
break;
}
if((ntc_role(material_13, _S54 + u32(1), _S49, index_2)) < lod_input_0)
{
index_2 = index_2 + u32(1);
continue;
}
var role_1 : u32 = ntc_role(material_13, _S54, _S49, index_2);
var _S55 : u32 = min(role_1 + ntc_level(material_13, index_2).features, lod_input_0);
i_2 = role_1;
for(;;)
{
if(i_2 < _S55)
{
}
else
{
break;
}
var shift_2 : u32 = u32(8) * ((i_2 & (u32(3))));
var input_0 : i32 = (i32(((x_1[(i_2 >> (u32(2)))]) << ((u32(24) - shift_2)))) >> (u32(24)));
x_1[(i_2 >> (u32(2)))] = ((x_1[(i_2 >> (u32(2)))]) ^ (((((u32((input_0 ^ ((((input_0 * i32(u32(8) - step_0) + i32(4)) >> (u32(3))))))) & (u32(255)))) << (shift_2)))));
i_2 = i_2 + u32(1);
}
index_2 = index_2 + u32(1);
}
break;
}
}
break;
}
for(;;)
{
var texel_1 : NtcTexel;
i_2 = u32(0);
for(;;)
{
if(i_2 < u32(16))
{
}
else
{
break;
}
texel_1.values[i_2] = u32(0);
i_2 = i_2 + u32(1);
}
var _S56 : u32 = min(ntc_word(material_13, u32(5)), u32(4));
var _S57 : u32 = ntc_word(material_13, u32(9));
f_2 = u32(0);
var layer_0 : u32 = u32(0);
for(;;)
{
if(layer_0 < _S56)
{
}
else
{
break;
}
var record_0 : vec4<u32> = ntc_words4(material_13, _S57 + u32(4) * layer_0);
var _S58 : u32 = layer_0 + u32(1);
var last_0 : bool = _S58 == _S56;
var columns_0 : u32 = u32(2) * ((min(record_0.x, u32(128)) + u32(7)) / u32(8));
var _S59 : u32 = record_0.y;
if(last_0)
{
i_2 = u32(32);
}
else
{
i_2 = u32(128);
}
var _S60 : u32 = (min(_S59, i_2) + u32(7)) / u32(8);
var length_1 : u32 = u32(16) + u32(8) * columns_0;
var to_0 : u32 = u32(32) - f_2;
if(length_1 > (material_13.count))
{
break;
}
var group_0 : u32 = u32(0);
for(;;)
{
if(group_0 < _S60)
{
}
else
{
break;
}
var at_6 : u32 = ntc_run(material_13, record_0.z + group_0 * length_1, length_1);
var _S61 : vec4<i32> = vec4<i32>(ntc_load4(at_6));
var _S62 : vec4<i32> = vec4<i32>(ntc_load4(at_6 + u32(4)));
var _S63 : vec4<u32> = vec4<u32>(u32(31));
var shift0_0 : vec4<u32> = ((ntc_load4(at_6 + u32(8))) & (_S63));
var shift1_0 : vec4<u32> = ((ntc_load4(at_6 + u32(12))) & (_S63));
var _S64 : vec4<i32> = vec4<i32>(i32(0));
var sum0_0 : vec4<i32> = _S64;
var sum1_0 : vec4<i32> = _S64;
var column_2 : u32 = u32(0);
var at_7 : u32 = at_6;
for(;;)
{
if(column_2 < columns_0)
{
}
else
{
break;
}
var at_8 : u32 = at_7 + u32(16);
var _S65 : u32 = f_2 + column_2;
var _S66 : vec4<i32> = ntc_rows(x_1[_S65 + u32(1)], ntc_load4(at_8 + u32(8)), ntc_rows(x_1[_S65], ntc_load4(at_8), sum0_0));
var _S67 : vec4<i32> = ntc_rows(x_1[_S65 + u32(1)], ntc_load4(at_8 + u32(12)), ntc_rows(x_1[_S65], ntc_load4(at_8 + u32(4)), sum1_0));
var column_3 : u32 = column_2 + u32(2);
sum0_0 = _S66;
sum1_0 = _S67;
column_2 = column_3;
at_7 = at_8;
}
if(last_0)
{
var values0_0 : vec2<u32> = ntc_storage(_S61, sum0_0, shift0_0);
var values1_0 : vec2<u32> = ntc_storage(_S62, sum1_0, shift1_0);
var _S68 : u32 = u32(4) * group_0;
texel_1.values[_S68] = values0_0.x;
texel_1.values[_S68 + u32(1)] = values0_0.y;
texel_1.values[_S68 + u32(2)] = values1_0.x;
texel_1.values[_S68 + u32(3)] = values1_0.y;
}
else
{
var _S69 : u32 = to_0 + u32(2) * group_0;
x_1[_S69] = ntc_activation(((_S61 + sum0_0) >> (shift0_0)));
x_1[_S69 + u32(1)] = ntc_activation(((_S62 + sum1_0) >> (shift1_0)));
}
group_0 = group_0 + u32(1);
}
f_2 = to_0;
layer_0 = _S58;
}
_S46 = texel_1;
break;
}
return _S46;
}
fn ntc_texel( material_14 : NtcMaterial,  texel_2 : vec2<u32>,  mip_2 : u32) -> NtcTexel
{
var _S70 : u32 = min(mip_2, ntc_mips(material_14) - u32(1));
var size_1 : vec2<u32> = ntc_mip_size(material_14, _S70);
var _S71 : vec2<u32> = min(texel_2, size_1 - vec2<u32>(u32(1)));
var _S72 : u32 = ntc_position(_S71.x, size_1.x);
var _S73 : u32 = ntc_position(_S71.y, size_1.y);
return ntc_field(material_14, _S72, _S73, u32(8) * _S70);
}
fn ntc_value( texel_3 : NtcTexel,  channel_0 : u32) -> u32
{
return ((((texel_3.values[((min(channel_0, u32(31))) >> (u32(1)))]) >> ((u32(16) * ((channel_0 & (u32(1)))))))) & (u32(65535)));
}
fn ntc_lod( material_15 : NtcMaterial,  uv_dx_0 : vec2<f32>,  uv_dy_0 : vec2<f32>) -> f32
{
var _S74 : vec2<f32> = vec2<f32>(ntc_size(material_15));
var dx_0 : vec2<f32> = uv_dx_0 * _S74;
var dy_0 : vec2<f32> = uv_dy_0 * _S74;
return 0.5f * log2(max(max(dot(dx_0, dx_0), dot(dy_0, dy_0)), 9.999999960041972e-13f));
}
fn ntc_fraction( coordinate_0 : f32,  wrap_2 : bool) -> u32
{
var inside_0 : f32;
if(wrap_2)
{
inside_0 = coordinate_0 - floor(coordinate_0);
}
else
{
inside_0 = clamp(coordinate_0, 0.0f, 1.0f);
}
return min(u32(inside_0 * 1.6777216e+07f), u32(16777215));
}
struct NtcTap
{
position_3 : vec2<u32>,
lod8_1 : u32,
weight_3 : u32,
mip_weight : u32,
};
fn ntc_tap( material_16 : NtcMaterial,  position_4 : vec2<u32>,  lod256_0 : u32,  by_chance_0 : bool,  chance_0 : vec3<u32>,  corner_1 : vec3<u32>) -> NtcTap
{
var _S75 : vec3<u32> = corner_1;
var wrap_3 : vec2<bool> = ntc_wrap(material_16);
var between_0 : u32 = (lod256_0 & (u32(255)));
if(by_chance_0)
{
var _S76 : i32;
if((chance_0.z) < between_0)
{
_S76 = i32(1);
}
else
{
_S76 = i32(0);
}
_S75[i32(2)] = u32(_S76);
}
var mip_3 : u32 = ((lod256_0 >> (u32(8)))) + _S75.z;
var size_2 : vec2<u32> = ntc_mip_size(material_16, mip_3);
var _S77 : u32 = size_2.x;
var _S78 : u32 = size_2.y;
var p_3 : vec2<i32> = vec2<i32>(ntc_cell_position(position_4.x, _S77), ntc_cell_position(position_4.y, _S78));
var _S79 : vec2<u32> = vec2<u32>((p_3 & (vec2<i32>(i32(255)))));
if(by_chance_0)
{
var _S80 : vec2<u32> = vec2<u32>((chance_0.xy) < _S79);
_S75.x = _S80.x;
_S75.y = _S80.y;
}
var cell_2 : vec2<i32> = ((p_3 >> (vec2<u32>(u32(8))))) + vec2<i32>(_S75.xy);
var y_1 : u32 = u32(ntc_address(vec4<i32>(cell_2.y), i32(_S78), wrap_3.y).x);
var share_0 : vec2<u32> = _S75.xy * _S79 + (vec2<u32>(u32(1)) - _S75.xy) * (vec2<u32>(u32(256)) - _S79);
var tap_0 : NtcTap;
var _S81 : u32 = ntc_position(u32(ntc_address(vec4<i32>(cell_2.x), i32(_S77), wrap_3.x).x), _S77);
var _S82 : u32 = ntc_position(y_1, _S78);
tap_0.position_3 = vec2<u32>(_S81, _S82);
tap_0.lod8_1 = u32(8) * mip_3;
tap_0.weight_3 = share_0.x * share_0.y;
var _S83 : u32;
if((_S75.z) != u32(0))
{
_S83 = between_0;
}
else
{
_S83 = u32(256) - between_0;
}
tap_0.mip_weight = _S83;
return tap_0;
}
fn ntc_sample( material_17 : NtcMaterial,  uv_0 : vec2<f32>,  lod_0 : f32,  filter_0 : u32,  random_0 : vec3<f32>) -> NtcTexel
{
var wrap_4 : vec2<bool> = ntc_wrap(material_17);
var _S84 : vec2<u32> = vec2<u32>(ntc_fraction(uv_0.x, wrap_4.x), ntc_fraction(uv_0.y, wrap_4.y));
var lod256_1 : u32 = u32(256.0f * clamp(lod_0, 0.0f, f32(ntc_mips(material_17) - u32(1))) + 0.5f);
var exact_0 : bool = filter_0 == u32(2);
var _S85 : bool = !exact_0;
var _S86 : i32;
if(_S85)
{
_S86 = i32(1);
}
else
{
if(((lod256_1 & (u32(255)))) == u32(0))
{
_S86 = i32(4);
}
else
{
_S86 = i32(8);
}
}
var _S87 : u32 = u32(_S86);
var _S88 : vec3<u32>;
if(filter_0 == u32(0))
{
_S88 = vec3<u32>(vec3<i32>(i32(127)));
}
else
{
_S88 = vec3<u32>(vec3<f32>(256.0f) * random_0);
}
var sums_0 : array<u32, i32(32)>;
var i_3 : u32 = u32(0);
for(;;)
{
if(i_3 < u32(32))
{
}
else
{
break;
}
sums_0[i_3] = u32(32768);
i_3 = i_3 + u32(1);
}
var texel_4 : NtcTexel;
i_3 = u32(0);
for(;;)
{
if(i_3 < _S87)
{
}
else
{
break;
}
var _S89 : NtcTap = ntc_tap(material_17, _S84, lod256_1, _S85, _S88, vec3<u32>((i_3 & (u32(1))), (((i_3 >> (u32(1)))) & (u32(1))), (i_3 >> (u32(2)))));
var tap_1 : NtcTap = _S89;
if(filter_0 == u32(1))
{
tap_1.position_3 = _S84;
tap_1.lod8_1 = ((lod256_1 + u32(16)) >> (u32(5)));
}
texel_4 = ntc_field(material_17, tap_1.position_3.x, tap_1.position_3.y, tap_1.lod8_1);
if(exact_0)
{
var c_0 : u32 = u32(0);
for(;;)
{
if(c_0 < u32(32))
{
}
else
{
break;
}
sums_0[c_0] = sums_0[c_0] + (((ntc_value(texel_4, c_0) * tap_1.weight_3) >> (u32(8)))) * tap_1.mip_weight;
c_0 = c_0 + u32(1);
}
}
i_3 = i_3 + u32(1);
}
if(exact_0)
{
i_3 = u32(0);
for(;;)
{
if(i_3 < u32(16))
{
}
else
{
break;
}
var _S90 : u32 = u32(2) * i_3;
texel_4.values[i_3] = ((((sums_0[_S90]) >> (u32(16)))) | ((((((sums_0[_S90 + u32(1)]) >> (u32(16)))) << (u32(16))))));
i_3 = i_3 + u32(1);
}
}
return texel_4;
}
fn ntc_channel( texel_5 : NtcTexel,  channel_1 : u32) -> f32
{
return f32(ntc_value(texel_5, channel_1)) / 65535.0f;
}
`,we=4,Te=12;function Ee(e){let{model:t}=e,n=new De,r=new Uint32Array(12),i=new Uint32Array(Te*t.levels.length),a=new Uint32Array(4*t.layers.length);n.add(r),n.add(i);let o=n.add(ke(t.roles)),s=n.add(a);return t.layers.forEach((e,t)=>{a.set([e.inputs,e.outputs,n.add(Ae(e))],4*t)}),t.levels.forEach((e,t)=>i.set(je(n,e),Te*t)),r.set(Oe(t)),r.set([o,s,n.length],8),n.joined()}var De=class{length=0;parts=[];add(e){let t=this.length;return this.parts.push({at:t,words:e}),this.length+=Math.ceil(e.length/we)*we,t}joined(){let e=new Uint32Array(this.length);for(let{at:t,words:n}of this.parts)e.set(n,t);return e}};function Oe(e){let t=+!!e.wrap[0]|(e.wrap[1]?2:0),{width:n,height:r,mips:i,channels:a,levels:o,layers:s,widths:c}=e;return[n,r,i,a,o.length,s.length,t,c[0]]}function ke(e){let t=new Uint32Array(Math.ceil(e.length/4));return new Uint8Array(t.buffer).set(e),t}function Ae(e){let{inputs:t,outputs:n,weights:r,biases:i,shifts:a}=e,o=2*Math.ceil(t/8),s=new Uint32Array(Math.ceil(n/8)*8*(2+o)),c=new Int8Array(s.buffer);for(let e=0;e<n;e++){let n=(e>>3)*8*(2+o)+(e&7);s[n]=i[e],s[n+8]=a[e];for(let i=0;i<t;i++)c[4*(n+16+8*(i>>2))+(i&3)]=r[e*t+i]}return s}function je(e,t){let{maskWords:n,tiles:r,words:i}=t,a=n+2*r,o=t.tableLog2|t.blockLog2<<5|(t.masked?256:0)|(t.simplex?512:0);return[t.width,t.height,t.features|t.tileLog2<<8|o<<16,t.tilesInRow,r,t.storedWidth,e.add(i.subarray(n,a)),e.add(i.subarray(a)),i.length-a,e.add(Me(t)),ye(t),n]}function Me(e){let t=new Uint32Array(2*e.maskWords);for(let n=0;n<e.maskWords;n++)t[2*n]=e.words[n],t[2*n+1]=e.ranks[n];return t}var Ne=32,Pe=64,Fe=65535,Ie=128,Le=1,Re={u8:{number:0,bytes:1},u16:{number:1,bytes:2},half:{number:2,bytes:2},float:{number:3,bytes:4}},ze=class e{device;pipeline;noList;constructor(e,t,n){this.device=e,this.pipeline=t,this.noList=n}static async create(t){let n={module:t.createShaderModule({code:Se}),entryPoint:`ntc_decode`},r=await t.createComputePipelineAsync({layout:`auto`,compute:n});return new e(t,r,Ve(t,new Uint32Array(4)))}destroy(){this.noList.destroy()}upload(e){let t=Ee(e);return this.checkSize(t.byteLength,`the material`),{model:e.model,words:Ve(this.device,t)}}decode(e,t){let{device:n}=this,{model:r}=e,i=be(r,t.mip,t.rectangle),a=t.channels??Array.from({length:r.channels},(e,t)=>t);Be(r,a);let o=Re[t.type??`u16`],s=4*Math.ceil(a.length*o.bytes/4),c=i.width*i.height;this.checkSize(c*s,`the output`);let l=n.createBuffer({size:c*s,usage:132}),{x:u,y:d,width:f,height:p}=i,m=new Uint32Array(Ne);m.set([0,e.words.size/4,0,t.mip,u,d,f,p]),m.set([0,o.number,a.length,0],8),new Uint8Array(m.buffer,48).set(a);let h=Ve(n,m);return this.submit([e.words,h,this.noList,l],c),h.destroy(),{buffer:l,rectangle:i,bytesPerTexel:s}}async decodeRectangle(e,t,n){let{x:r,y:i,width:a,height:o}=be(e.model,t,n),{channels:s}=e.model,c=new Uint16Array(a*o*s),l=a*4*Math.ceil(s/2),u=Math.max(Math.floor(this.mostBytes()/l),1);for(let n=0;n<o;n+=u){let l={x:r,y:i+n,width:a,height:Math.min(u,o-n)},d=this.decode(e,{mip:t,rectangle:l});He(new Uint16Array(await this.read(d)),s,c,n*a*s),d.buffer.destroy()}return c}async read(e){let{size:t}=e.buffer,n=this.device.createBuffer({size:t,usage:9}),r=this.device.createCommandEncoder();r.copyBufferToBuffer(e.buffer,0,n,0,t),this.device.queue.submit([r.finish()]),await n.mapAsync(Le);let i=n.getMappedRange().slice(0);return n.destroy(),i}submit(e,t){let n=e.map((e,t)=>({binding:t,resource:{buffer:e}})),r=this.pipeline.getBindGroupLayout(0),i=this.device.createCommandEncoder(),a=i.beginComputePass();a.setPipeline(this.pipeline),a.setBindGroup(0,this.device.createBindGroup({layout:r,entries:n}));let o=Math.ceil(t/Pe);a.dispatchWorkgroups(Math.min(o,Fe),Math.ceil(o/Fe)),a.end(),this.device.queue.submit([i.finish()])}mostBytes(){let{maxStorageBufferBindingSize:e,maxBufferSize:t}=this.device.limits;return Math.min(e,t)}checkSize(e,t){if(e>this.mostBytes()){let n=`at most ${this.mostBytes()}; ask the adapter for higher limits`;throw RangeError(`${t} takes ${e} bytes, and this device binds ${n}`)}}};function Be(e,t){if(t.length<1||t.length>32||!t.every(t=>Number.isInteger(t)&&t>=0&&t<e.channels)){let n=`channels ${t.join(`, `)}`;throw RangeError(`${n}: name 1..32 of the channels 0..${e.channels-1}`)}}function Ve(e,t){let n=Ie,r=e.createBuffer({size:t.byteLength,usage:n,mappedAtCreation:!0});return new Uint32Array(r.getMappedRange()).set(t),r.unmap(),r}function He(e,t,n,r){let i=2*Math.ceil(t/2);for(let a=0;a<e.length;a+=i,r+=t)for(let i=0;i<t;i++)n[r+i]=e[a+i]}var Ue=e=>e<=.04045?e/12.92:((e+.055)/1.055)**2.4,We=e=>e<=.0031308?12.92*e:1.055*e**(1/2.4)-.055,b=[[0,0,0],[40,22,110],[140,32,130],[225,70,75],[250,160,40],[255,245,170]],Ge=Uint32Array.from({length:256},(e,t)=>{let n=t/255*(b.length-1),r=Math.min(Math.floor(n),b.length-2),[i,a]=[b[r],b[r+1]],o=e=>Math.round(i[e]+(n-r)*(a[e]-i[e]));return x(o(0),o(1),o(2))});function x(e,t,n){return(4278190080|n<<16|t<<8|e)>>>0}function S(e,t){return{...e,record:t,top:e.values instanceof Uint8Array?255:65535}}function Ke(e,t){let n=Number(t.constant),r;r=e.sample===`uint8`||e.sample===`uint16`?n/(e.sample===`uint8`?255:65535):e.curve===`log`?Math.log2(1+n-e.low)/Math.log2(1+e.high-e.low):(n-e.low)/(e.high-e.low);let i=Math.min(Math.max(r||0,0),1);return Math.round(65535*(t.inverted?1-i:i))}function qe(e,t,n,r,i,a){let o=e.channels.length,s=t.length/r;e.channels.forEach((c,l)=>{let u=c.output===null?-1:n.indexOf(c.output),d=i instanceof Uint16Array,f=u<0?Ke(e,c):0,p=d?f:Math.floor((f+128)/257);for(let e=0;e<s;e++)i[a+e*o+l]=u<0?p:t[e*r+u]})}function Je(e,t){let n=t*e.channels.length;return e.sample===`uint8`?new Uint8Array(n):new Uint16Array(n)}var Ye=e=>e.sample===`half`||e.sample===`float`;function Xe(e,t){if(Ye(e)){let n=e.high-e.low;return e.curve===`log`?e.low+2**(t*Math.log2(1+n))-1:e.low+t*n}return e.semantic===`normal`?2*t-1:e.color_space===`srgb`?Ue(t):t}function Ze(e,{exposure:t,low:n,high:r}){let{record:i,top:a}=e,o=Ye(i)&&i.channels.length>2,s=t===0&&n===0&&r===1&&!o;return Uint8Array.from({length:a+1},(e,c)=>{if(s)return a===255?c:Math.floor((c+128)/257);let l=o||i.color_space===`srgb`&&t!==0,u=((l?Xe(i,c/a):c/a)*2**t-n)/(r-n||1e-9),d=Math.min(Math.max(u,0),1);return Math.round(255*(l?We(d):d))})}function Qe(e,t){return t.find(t=>t.file===e.file)??t.find(t=>t.name===e.name)??(t.length===1?t[0]:void 0)}var $e=/swiftshader|llvmpipe|lavapipe|basic render/i,et=1<<26,tt=class{worker=new Worker(new URL(new URL(`worker.js`,import.meta.url).href,``+import.meta.url),{type:`module`});waiting=new Map;calls=0;constructor(){this.worker.onmessage=({data:e})=>{this.waiting.get(e.id)?.(e.done),this.waiting.delete(e.id)},this.worker.onerror=()=>{for(let e of this.waiting.values())e({failure:`the worker has failed`});this.waiting.clear()}}async call(e){let t=this.calls++,n=await new Promise(n=>{this.waiting.set(t,n),this.worker.postMessage({id:t,wanted:e})});if(n.failure!==void 0)throw Error(n.failure);return n}},nt,rt=()=>nt??=new tt;async function it(e){return(await rt().call({kind:`open`,bytes:e})).opened}async function at(e,t){return(await rt().call({kind:`decode`,file:e,mip:t})).outputs}function ot(e,t,n,r){let[i,a]=ve(e.model,r),o=Je(n,i*a);return qe(n,o instanceof Uint8Array?t.map(e=>Math.floor((e+128)/257)):t,Array.from({length:e.model.channels},(e,t)=>t),e.model.channels,o,0),S({width:i,height:a,channels:n.channels.length,values:o},n)}var C;async function st(){let e=await w();return e?.software?void 0:e}async function ct(){let e=await w();if(e)return!e.software;let t=document.createElement(`canvas`).getContext(`webgl2`),n=t?.getExtension(`WEBGL_debug_renderer_info`);return!!n&&!$e.test(String(t?.getParameter(n.UNMASKED_RENDERER_WEBGL)))}function w(){return C??=lt().catch(()=>void 0),C}async function lt(){let e=await navigator.gpu?.requestAdapter();if(!e)return;let{maxStorageBufferBindingSize:t,maxBufferSize:n}=e.limits,r={maxStorageBufferBindingSize:t,maxBufferSize:n},i=await e.requestDevice({requiredLimits:r});i.lost.then(()=>C=Promise.resolve(void 0));let{description:a,architecture:o,vendor:s,isFallbackAdapter:c}=e.info,l=a||[s,o].filter(Boolean).join(` `)||`a device`,u=c||$e.test(`${o} ${a}`);return{decoder:await ze.create(i),name:l,software:u}}async function ut({decoder:e},t,n,r){let[i,a]=ve(t.model,r),o=n.channels.flatMap(({output:e})=>e===null?[]:[e]),s=o.length?[...new Set(o)]:[0],c=Je(n,i*a),l=c instanceof Uint8Array,u=l?`u8`:`u16`,d=l?4*Math.ceil(s.length/4):2*Math.ceil(s.length/2),f=Math.max(Math.floor(et/(i*d*c.BYTES_PER_ELEMENT)),1);for(let o=0;o<a;o+=f){let p={x:0,y:o,width:i,height:Math.min(f,a-o)},m=e.decode(t,{mip:r,rectangle:p,channels:s,type:u}),h=await e.read(m);m.buffer.destroy(),qe(n,l?new Uint8Array(h):new Uint16Array(h),s,d,c,o*i*n.channels.length)}return S({width:i,height:a,channels:n.channels.length,values:c},n)}async function dt(e,t){let n={method:`POST`,headers:{"Content-Type":`application/json`},body:JSON.stringify(t)},r;try{r=await fetch(`api/${e}`,t?n:{})}catch{throw Error("the server does not answer: is `ntc view` still running?")}if(!r.ok)throw Error((await r.json()).error);return r}async function T(e,t){return await(await dt(e,t)).json()}async function ft(e){let t=await dt(e),n=e=>Number(t.headers.get(`Ntc-${e}`)),r=await t.arrayBuffer(),i=t.headers.get(`Ntc-Sample`)===`uint16`;return{width:n(`Width`),height:n(`Height`),channels:n(`Channels`),values:i?new Uint16Array(r):new Uint8Array(r)}}var E=encodeURIComponent,pt=()=>T(`session`),mt=e=>T(`item/${e}/info`),ht=e=>T(`item/${e}/maps`),gt=(e,t)=>T(`compare/${e}/${t}`),_t=()=>T(`fit/runs`),vt=()=>T(`fit/cancel`,{});function yt(e,t,n,r){return T(`fit/start`,{source:e,options:t,only:n,exclude:r})}function bt(e,t,n,r){return T(`compare/${e}/${t}/tiles?map=${E(n)}&size=${r}`)}function xt(e,t,n){return ft(`compare/${e}/${t}/flip?map=${E(n)}`)}function St(e,t,n){return ft(`item/${e}/map/${E(t)}/mip/${n}`)}var Ct=e=>ft(`fit/preview?map=${E(e)}`);async function wt(e){return(await dt(`item/${e}/file`)).arrayBuffer()}var Tt=12,Et=class{found=new Map;get(e,t){let n=this.found.get(e)??t();this.found.delete(e),this.found.set(e,n),n.catch(()=>this.found.delete(e));let[r]=this.found.keys();return this.found.size>Tt&&r!==void 0&&this.found.delete(r),n}},Dt=class{item;by=``;kept=new Et;opened;decoded;uploaded;described;constructor(e,t){this.item=e,t&&(this.opened=Promise.resolve(t))}maps(){return this.described??=this.item?ht(this.item.number):this.ownMaps(),this.described}samples(e,t,n){return this.kept.get(`${n} ${t} ${e.name}`,()=>this.read(e,t,n))}async worn(e,t){let n=t===`server`||t===`auto`&&!await ct();if(!this.item||this.item.kind===`ntc`&&!n)return this.file();let{maps:r}=await this.maps();return Promise.all(r.map(n=>this.samples(n,e,t)))}async ownMaps(){let{model:e,metadata:t}=await this.file(),{width:n,height:r,mips:i}=e;return{width:n,height:r,mips:i,maps:t.maps}}file(){return this.opened??=wt(this.item.number).then(it).then(({file:e})=>e),this.opened}async read(e,t,n){if(this.item&&this.item.kind!==`ntc`)return this.fromServer(e,t,`${this.item.kind}, as the server reads them`);let r=await Ot(n);if(r)try{let n=await this.file();this.uploaded??=r.decoder.upload(n);let i=await ut(r,this.uploaded,e,t);return this.by=`decoded in this browser by WebGPU on ${r.name}`,i}catch(e){if(n===`webgpu`)throw e}if(n===`webgpu`)throw Error(`this browser has no WebGPU: use decoder=auto`);if(this.item&&n!==`browser`){let r=n===`server`?``:`: ${await kt()}`;return this.fromServer(e,t,`decoded by the server${r}`)}let i=await this.file();this.decoded?.mip!==t&&(this.decoded={mip:t,outputs:at(i,t)});let a=ot(i,await this.decoded.outputs,e,t);return this.by=`decoded in this browser on the processor`,a}async fromServer(e,t,n){if(!this.item)throw Error(`a dropped file is not on the server: use decoder=auto`);let r=await St(this.item.number,e.name,t);return this.by=n,S(r,e)}};async function Ot(e){return e===`webgpu`?w():e===`auto`?st():void 0}async function kt(){let e=await w();return e?.software?`WebGPU here is ${e.name}, in software`:e?`WebGPU could not`:`this browser has no WebGPU`}var At=class{all=[];session;async refresh(){this.session=await pt();let e=this.all.filter(e=>!e.item),t=new Map(this.all.map(e=>[e.key,e])),n=this.session.items.map(e=>t.get(String(e.number))??jt(e));this.all=[...n,...e]}find(e){return this.all.find(t=>t.key===e)}async addFile(e){if(!e.name.toLowerCase().endsWith(`.ntc`))throw Error(`${e.name}: is no .ntc`);let t;try{t=await it(await e.arrayBuffer())}catch(t){throw Error(`${e.name}: ${t.message}`)}let{report:n}=t,r=`file${this.all.filter(e=>!e.item).length}`,i=new Dt(void 0,t.file),a=Promise.resolve(n),o={key:r,name:e.name,item:void 0,error:null,source:i,report:()=>a};return this.all.push(o),o}usual(e,t){let n=this.all.find(e=>e.item?.kind===`ntc`)??this.all[0],r=t===``?n:this.find(t);if(!r)throw Error(t===``?`there is nothing to show`:`b ${t}: no such item`);let i=r.item?.reference??null,a=e===``?i===null?r:this.find(String(i)):this.find(e);if(!a)throw Error(`a ${e}: no such item`);return[a,r]}};function jt(e){let t;return{key:String(e.number),name:e.kind===`ntc`?e.name:`${e.name} (${e.kind})`,item:e,error:e.error,source:new Dt(e),report:()=>e.kind===`ntc`?t??=mt(e.number):void 0}}function Mt([e,t]){let n=[];return e.record.channels.forEach((r,i)=>{let a=t.record.channels[i],o=e.values[i]/e.top===t.values[i]/t.top,s=r.output===null&&a.output===null&&o,c=e.record.semantic===`normal`&&i<3,l=[r.output,r.constant,a.output,a.constant,s&&i];(!s||c)&&n.push({key:l.join(` `),channel:i})}),n}function Nt([e,t]){let{name:n,low:r,high:i,curve:a}=e.record;if(e.width!==t.width||e.height!==t.height||e.channels!==t.channels)throw Error(`${n}: A and B are of other sizes or channels`);if(r!==t.record.low||i!==t.record.high||a!==t.record.curve)throw Error(`${n}: A and B have other ranges; the server measures them`)}function Pt([e,t],n,r,i,a,o){let s=0;for(let c=i;c<i+o;c++)for(let i=c*e.width+r;i<c*e.width+r+a;i++){let r=i*e.channels+n;s+=(e.values[r]/e.top-t.values[r]/t.top)**2}return s/(a*o)}var Ft=e=>{let t=[...e];return t.length?t.reduce((e,t)=>e+t,0)/t.length:0},It=e=>e>0?-10*Math.log10(e):null;function Lt(e){let t=new Map,n={};for(let r of e){Nt(r);let[{record:e,width:i,height:a}]=r,o=new Map(Mt(r).map(({key:e,channel:t})=>[e,Pt(r,t,0,0,i,a)]));for(let[e,n]of o)t.set(e,n);n[e.name]=It(Ft(o.values()))}return{all:It(Ft(t.values())),maps:n}}function Rt(e,t,n){Nt(e);let[{width:r,height:i}]=e,a=new Map(Mt(e).map(({key:e,channel:t})=>[e,t])),[o,s]=[Math.ceil(r/t),Math.ceil(i/t)],c=Array.from({length:o*s},(n,s)=>{let[c,l]=[s%o*t,Math.floor(s/o)*t],[u,d]=[Math.min(t,r-c),Math.min(t,i-l)];return It(Ft([...a.values()].map(t=>Pt(e,t,c,l,u,d))))}),l=c.flatMap((e,t)=>e===null?[]:[t]);return l.sort((e,t)=>c[e]-c[t]),{size:t<<n,columns:o,rows:s,psnr:c,worst:l}}function D(e,t,n){let{values:r,channels:i,top:a}=e,o=2*r[t*i]/a-1,s=i>1?2*r[t*i+1]/a-1:0,c=i>2&&!e.record.channels[2].meaning.startsWith(`opacity`)?2*r[t*i+2]/a-1:Math.sqrt(Math.max(1-o*o-s*s,0)),l=Math.hypot(o,s,c)||1;n[0]=o/l,n[1]=s/l,n[2]=c/l}function zt(e,t){let[n,r,i]=e,[a,o,s]=t,c=Math.hypot(r*s-i*o,i*a-n*s,n*o-r*a);return Math.atan2(c,n*a+r*o+i*s)*180/Math.PI}var Bt=.05,Vt=Math.PI/4,Ht=60,Ut=15;function O(e,t,n){let r=new Uint32Array(e*t);for(let e=0;e<r.length;e++)r[e]=n(e);return{width:e,height:t,pixels:r}}function Wt(e,t){let n=Math.min(t,e-1);return t>=0?[n,n,n]:e===1?[0,0,0]:[0,1,2]}function k(e){return e.record.semantic===`normal`&&e.channels>1}function A(e,t){if(k(e)&&t.channel<0){if(t.show===`lit`)return Kt(e,t.light);if(t.show===`xyz`)return Gt(e)}let{width:n,height:r,channels:i,values:a}=e,o=Ze(e,t),[s,c,l]=Wt(i,t.channel);return O(n,r,e=>{let t=e*i,n=l<i?o[a[t+l]]:0;return x(o[a[t+s]],o[a[t+c]],n)})}function Gt(e){let t=new Float64Array(3),n=e=>Math.round(127.5*(e+1));return O(e.width,e.height,r=>(D(e,r,t),x(n(t[0]),n(t[1]),n(t[2]))))}function Kt(e,t){let n=t*Math.PI/180,[r,i]=[Math.cos(n),Math.sin(n)].map(e=>e*Math.cos(Vt)),a=Math.sin(Vt),o=new Float64Array(3);return O(e.width,e.height,t=>{D(e,t,o);let n=Math.max(o[0]*r+o[1]*i+o[2]*a,0),s=Math.round(255*We(Bt+.95*n));return x(s,s,s)})}function qt(e,t){if(e.width!==t.width||e.height!==t.height){let n=`A is ${e.width}x${e.height}, B is ${t.width}x${t.height}`;throw Error(`${n}: only maps of one size can be compared`)}}var Jt={diff:(e,t)=>t*Math.abs(e),signed:(e,t)=>(1+t*e)/2,relative:(e,t,n)=>t*Math.abs(e)/Math.max(n,1/255)};function Yt(e,t,n,r){qt(e,t);let i=Math.min(e.channels,t.channels),[a,o,s]=Wt(i,n.channel),c=Jt[r],l=Math.round(255*c(0,n.gain,1)),u=(r,a)=>{if(a>=i)return l;let o=e.values[r*e.channels+a]/e.top,s=t.values[r*t.channels+a]/t.top-o;return Math.min(Math.max(Math.round(255*c(s,n.gain,o)),0),255)};return O(e.width,e.height,e=>x(u(e,a),u(e,o),u(e,s)))}function Xt(e,t,n){if(!k(e)||!k(t))throw Error(`${e.record.name}: angles are of normal maps; choose one of them`);qt(e,t);let[r,i]=[new Float64Array(3),new Float64Array(3)];return O(e.width,e.height,a=>{D(e,a,r),D(t,a,i);let o=zt(r,i)*n/90;return Ge[Math.min(Math.round(255*o),255)]})}function Zt(e){return O(e.width,e.height,t=>Ge[e.values[t]])}function Qt(e,t,n){let r=e.psnr.map(e=>{let t=e===null?0:(Ht-e)/45;return Ge[Math.round(255*Math.min(Math.max(t,0),1))]});return O(t,n,n=>{let i=Math.min(Math.floor(Math.floor(n/t)/e.size),e.rows-1),a=Math.min(Math.floor(n%t/e.size),e.columns-1);return r[i*e.columns+a]})}function $t(e){let{gain:t}=e;return e.mode===`diff`?`|A − B| × ${t}: white is 1/${t} of the range`:e.mode===`signed`?`(B − A) × ${t}: grey is 0, white 1/${t} of the range`:e.mode===`relative`?`|A − B| / A × ${t}: white is ${(100/t).toFixed(1)} %`:e.mode===`angle`?`angle: white is ${(90/t).toFixed(2)}°`:e.mode===`flip`?`FLIP: black is 0, white is 1`:e.mode===`tiles`?`PSNR: black is ${Ht} dB, white ${Ut}`:``}var en=1<<18,tn=1<<24,nn=1<<22,rn=1<<18;async function j(e,t){let[n,r]=e.usual(t.a,t.b);for(let e of[r,n])if(e.error)throw Error(e.error);let[i,a]=await Promise.all([n.source.maps(),r.source.maps()]),o=i.maps,s=t.map===``?o[0]:o.find(({name:e})=>e===t.map);if(!s){let e=o.map(({name:e})=>e).join(`, `);throw Error(`map ${t.map}: ${n.name} has ${e}`)}let c=Qe(s,a.maps);if(!c)throw Error(`${r.name} has no map like ${s.file} of ${n.name}`);let l={width:a.width,height:a.height},u=Math.min(i.mips,a.mips),d=t.mip<0?await on(l,u,r,t):t.mip;if(d>=u)throw Error(`mip ${d}: there are mips 0..${u-1}`);let[f,p]=await Promise.all([n.source.samples(s,d,t.decoder),r.source.samples(c,d,t.decoder)]),m={a:n,b:r,size:l,mip:d,mips:u,records:o,record:s,left:f,right:p,tiles:t.mode===`tiles`?await cn({a:n,b:r,left:f,right:p,mip:d}):void 0,worn:t.mode===`3d`?[await n.source.worn(d,t.decoder),await r.source.worn(d,t.decoder)]:void 0};return{...m,pictures:await dn(m,t)}}async function an(e,t,n){let[,r]=e.usual(t.a,t.b),i=t.decoder===`auto`||t.decoder===`server`;if(r===n||r.item?.kind!==`ntc`||t.mode!==`b`||!i)return;let a=await r.source.maps(),o=sn(en,a,a.mips);if(!(o<=Math.max(t.mip,0)))return j(e,{...t,a:r.key,mip:o,decoder:`server`})}async function on(e,t,n,r){let i=r.decoder===`webgpu`||!n.item,a=r.decoder===`browser`||i&&!await st(),o=r.mode===`3d`?nn:tn;return sn(a?rn:o,e,t)}function sn(e,{width:t,height:n},r){let i=0;for(;i+1<r&&(t>>i)*(n>>i)>e;)i++;return i}async function cn({a:e,b:t,left:n,right:r,mip:i}){return!e.item||!t.item?Rt([n,r],64,i):bt(e.item.number,t.item.number,n.record.name,64)}function ln({a:e,b:t,record:n}){if(!e.item||!t.item)throw Error(`FLIP is the server's, which has no files dropped here`);return xt(e.item.number,t.item.number,n.name)}async function un(e,t){let{a:n,b:r,records:i,mip:a}=e,o=(await r.source.maps()).maps;return Promise.all(i.map(async e=>{let i=Qe(e,o);if(!i)throw Error(`${r.name} has no map like ${e.file} of ${n.name}`);return Promise.all([n.source.samples(e,a,t),r.source.samples(i,a,t)])}))}async function dn(e,t){let{left:n,right:r,size:i,tiles:a}=e,o=e=>[e,e];switch(t.mode){case`diff`:case`signed`:case`relative`:return o(Yt(n,r,t,t.mode));case`angle`:return o(Xt(n,r,t.gain));case`flip`:return o(Zt(await ln(e)));case`3d`:return o(A(r,t));case`tiles`:return o(Qt(a,i.width,i.height));default:return[A(n,t),A(r,t)]}}function M(e){let t=[`B`,`KiB`,`MiB`,`GiB`],n=e<1?0:Math.min(Math.floor(Math.log2(e)/10),3);return n===0?`${e} B`:`${(e/1024**n).toFixed(2)} ${t[n]}`}var N=e=>e===null?`exact`:e===void 0?``:e.toFixed(2);function P(t){return e(`span`,{"data-bytes":String(t),title:`${t} bytes`},M(t))}async function fn(t,n){let{b:r}=t,i=[e(`h2`,{},r.name),await pn(r)];try{i.push(...await mn(t,n))}catch(t){i.push(e(`p`,{class:`error`},t.message))}return i.push(e(`p`,{id:`device`},r.source.by)),i}async function pn(t){let n=await t.report(),{item:r}=t,i=[[``,``]];if(n){if(i.push([`file`,P(n.bytes)],[`video memory`,P(n.video_memory_bytes)]),r){let t=e=>` · ${(e/n.video_memory_bytes).toFixed(1)}×`,a=n=>e(`span`,{},P(n),t(n));i.push([`as BC7, BC5, BC4`,a(r.block_bytes)],[`raw`,a(r.raw_bytes)])}let t=n.fit.settings.profile;i.push([`bits a texel`,e(`span`,{id:`bpp`},String(n.bpp))]),i.push([`encoding`,n.encoding],[`filtering`,n.fit.filtering]),t!==void 0&&i.push([`profile`,String(t)]),i.push([`decoder`,n.decoder.join(` → `)]),i.push([`size`,`${n.width}×${n.height}, ${n.mips} mips`])}else r&&i.push([r.kind,P(r.bytes)],[`size`,`${r.width}×${r.height}`]);return a(`costs`,i)}async function mn(t,n){let{a:r,b:i,mip:o}=t;if(r!==i&&r.item&&i.item){let t=await gt(r.item.number,i.item.number),n=gn(t.psnr,t.maps);for(let[e,[r,i]]of Object.entries(t.normal_degrees))n.push([`${e}, degrees`,`${r.toFixed(2)}, at most ${i.toFixed(1)}`]);return[e(`h3`,{},`B against ${r.name}`),a(`psnr`,n)]}if(r!==i){let{all:i,maps:s}=await hn(t,n);return[e(`h3`,{},`B against ${r.name}, measured here in mip ${o}`),a(`psnr`,gn(i,s))]}let s=await i.report();if(!s)return[];let c=gn(s.psnr,s.map_psnr);return[e(`h3`,{},`as it was fitted`),a(`psnr`,c)]}var F;async function hn(e,t){let n=[e.a.key,e.b.key,e.mip,t].join(` `);return F?.key!==n&&(F={key:n,quality:Lt(await un(e,t))}),F.quality}function gn(t,n){let r=t=>e(`span`,{"data-psnr":String(t)},N(t)),i=[[`map`,`dB`],[`all`,r(t)]];for(let[e,t]of Object.entries(n))i.push([e,r(t)]);return i}var _n=290,vn=120;function yn(e){let t={};for(let n of e.split(`
`).map(e=>e.trim())){if(n===``)continue;let[e,r]=n.replace(/^--/,``).split(/\s*=\s*|\s+/,2);if(!e||r===void 0)throw Error(`${n}: write name=value`);let i=Number(r);t[e]=r===`true`||r===`false`?r===`true`:Number.isNaN(i)?r:i}return t}function bn(e){return Object.entries(e).map(([e,t])=>`${e}=${t}`).join(`
`)}var xn=e=>e.split(/[\s,]+/).filter(Boolean),Sn=class{show;changed;fail;node;latest;source=e(`select`,{name:`source`});options=e(`textarea`,{name:`options`,rows:`5`});only=e(`input`,{name:`only`,placeholder:`all`});exclude=e(`input`,{name:`exclude`,placeholder:`none`});curve=e(`canvas`,{id:`curve`});cancel=n(`Cancel`,`ends the fit at its next batch`,()=>this.act(vt()));status=e(`p`,{id:`fit-status`},`no fit yet`);log=e(`ol`,{id:`runs`});events;points=[];constructor(t,r,i){this.show=t,this.changed=r,this.fail=i,[this.curve.width,this.curve.height]=[_n,vn],this.options.value=`effort=fast`,this.cancel.disabled=!0;let a=(t,n)=>e(`label`,{},t,n);this.node=e(`section`,{id:`fit`},e(`h2`,{},`Fit`),this.status,this.curve,this.cancel,e(`h3`,{},`Settings`),a(`images `,this.source),a(`options of ntc compress, one a line`,this.options),a(`only `,this.only),a(`exclude `,this.exclude),n(`Start`,`cancels the fit under way`,()=>this.act(this.restart())),e(`h3`,{},`Runs`),this.log)}open(t){let n=t.filter(({kind:e,error:t})=>e===`images`&&t===null),r=this.source.value,i=n.map(({number:t,name:n})=>e(`option`,{value:String(t)},n));this.source.replaceChildren(...i),n.some(({number:e})=>String(e)===r)&&(this.source.value=r),this.events||(this.events=new EventSource(`api/fit/events`),this.events.onopen=()=>this.points=[],this.events.onmessage=({data:e})=>this.take(JSON.parse(e)),this.act(this.showLog()))}act(e){e.catch(e=>this.fail(e))}async restart(){let e=yn(this.options.value);this.latest?.run.state===`running`&&(await vt(),await this.ended());let[t,n]=[xn(this.only.value),xn(this.exclude.value)];await yt(Number(this.source.value),e,t,n)}async ended(){for(;(await _t()).runs.at(-1)?.state===`running`;)await new Promise(e=>setTimeout(e,100))}take(e){e.run.run!==this.latest?.run.run&&(this.points=[]);let t=this.latest;this.latest=e,e.texels>0&&this.points.push([e.texels,e.psnr]),this.draw(e),this.status.textContent=Cn(e);let n=e.run.state!==`running`;this.cancel.disabled=n,(t?.run.run!==e.run.run||t.run.state!==e.run.state)&&this.act(this.showLog()),(n||e.preview!==t?.preview)&&this.changed(e)}draw({total:e}){let t=this.curve.getContext(`2d`),n=getComputedStyle(document.documentElement);if(t.clearRect(0,0,_n,vn),this.points.length===0)return;let r=this.points.map(([,e])=>e),[i,a]=[Math.min(...r),Math.max(...r)],o=t=>_n*t/(e||t),s=e=>106-92*(e-i)/(a-i||1);t.strokeStyle=n.getPropertyValue(`--accent`),t.lineWidth=2,t.beginPath(),this.points.forEach(([e,n])=>t.lineTo(o(e),s(n))),t.stroke(),t.fillStyle=n.getPropertyValue(`--text`),t.font=`11px system-ui, sans-serif`,t.fillText(`${a.toFixed(1)} dB`,2,10),t.fillText(`${i.toFixed(1)} dB`,2,118)}async showLog(){let{runs:e}=await _t();this.log.replaceChildren(...e.map(e=>this.logLine(e)))}logLine(t){let r=t.state===`done`?`${N(t.psnr)} dB, ${M(t.bytes)}`:t.state,i=bn(t.options).replaceAll(`
`,` `)||`usual settings`,a=e(`li`,{},e(`span`,{},`${r}, ${t.seconds.toFixed(1)} s: ${i} `));a.append(n(`Restore`,`its settings into the form`,()=>this.restore(t)));let{item:o}=t;o!==null&&a.append(n(`Show`,`as B`,()=>this.show(o,t.source))),t.error!==null&&a.append(e(`p`,{class:`error`},t.error));for(let n of t.warnings)a.append(e(`p`,{},n));return a}restore(e){this.source.value=String(e.source),this.options.value=bn(e.options),this.only.value=e.only.join(` `),this.exclude.value=e.exclude.join(` `)}};function Cn({run:e,texels:t,total:n,psnr:r}){return e.state===`failed`?`failed: ${e.error}`:e.state===`cancelled`?`cancelled`:e.state===`done`?`done: ${N(e.psnr)} dB, ${M(e.bytes)}, ${e.seconds.toFixed(1)} s`:`running: ${n>0?Math.round(100*t/n):0} %, ${r.toFixed(1)} dB, ${e.seconds.toFixed(1)} s`}async function wn(e,t,n){let r=e.all.find(({item:e,error:t})=>e?.kind===`images`&&t===null);if(!r)throw Error(`there are no images to fit`);let i=n?String(n.run.source):r.key,a=await j(e,{...t,a:i,b:i});if(!n?.preview)return a;let o;try{o=await Ct(a.record.name)}catch{return a}let s=S(o,a.record),c=A(s,t),{width:l,height:u}=s,d={size:{width:l,height:u},left:s,right:s};return{...a,...d,pictures:[c,c]}}var Tn=128,En=1<<19,Dn=e=>Number(e.toPrecision(4)).toString();function On(e,t,n){let{width:r,height:i}=e.right,a=Math.floor(t/e.size.width*r),o=Math.floor(n/e.size.height*i);return a>=0&&o>=0&&a<r&&o<i?[a,o]:void 0}function kn(t,n,r){let{left:i,right:o}=t,s=r*o.width+n,c=[[``,`A`,`B`,`B − A`,`A linear`,`B linear`]],l=i.width===o.width&&i.height===o.height;for(let e=0;e<o.channels;e++){let t=t=>t.values[s*t.channels+e],n=t(o),r=e=>Dn(Xe(e.record,t(e)/e.top)),a=o.record.channels[e].meaning;if(!l||e>=i.channels)c.push([a,``,String(n),``,``,r(o)]);else{let e=t(i),s=Math.max(i.top,o.top),l=Math.round((n/o.top*s-e/i.top*s)*100)/100;c.push([a,String(e),String(n),String(l),r(i),r(o)])}}let u=[e(`h3`,{},`texel ${n}, ${r} of mip ${t.mip}`)];if(u.push(a(`texel`,c)),l&&k(i)&&k(o)){let[t,n]=[new Float64Array(3),new Float64Array(3)];D(i,s,t),D(o,s,n),u.push(e(`p`,{},`normals are ${zt(t,n).toFixed(2)}° apart`))}return e(`section`,{id:`inspector`},...u)}function An(e,t){let{values:n,channels:r,top:i}=e,a=new Float64Array(Tn),o=n.length/r,s=Math.ceil(o/En),c=t>=0?[Math.min(t,r-1)]:[...Array(r).keys()];for(let e=0;e<o;e+=s)for(let t of c)a[Math.floor(n[e*r+t]*Tn/(i+1))]+=1;return a}function jn(t,n){let r=e(`canvas`,{id:`histogram`});[r.width,r.height]=[256,64];let i=r.getContext(`2d`),a=getComputedStyle(document.documentElement);return[t.left,t.right].forEach((e,t)=>{let r=An(e,n),o=Math.sqrt(Math.max(...r));i.fillStyle=a.getPropertyValue(t===0?`--dim`:`--accent`),r.forEach((e,n)=>{let r=64*Math.sqrt(e)/o;t===0?i.fillRect(2*n,64-r,2,r):i.fillRect(2*n,64-r,2,Math.min(r,2))})}),e(`figure`,{},r,e(`figcaption`,{},`values: A grey, B line`))}var I=e=>t=>t.set({mode:e}),L=e=>(t,n)=>t.set(e(t.state,n)),R=(e,t)=>e[(e.indexOf(t)+1)%e.length],Mn=[[[`a`],`A alone`,I(`a`)],[[`b`],`B alone`,I(`b`)],[[`s`],`split: drag the divider`,I(`split`)],[[`v`],`side by side`,I(`side`)],[[`d`],`difference`,I(`diff`)],[[`D`],`signed difference`,I(`signed`)],[[`r`],`relative difference`,I(`relative`)],[[`f`],`FLIP`,I(`flip`)],[[`t`],`PSNR of tiles`,I(`tiles`)],[[`g`],`angle between normals`,I(`angle`)],[[`p`],`on a body`,I(`3d`)],[[`y`],`next body`,L(({shape:e})=>({shape:R(h,e)}))],[[`i`],`next filter on a body`,L(({filter:e})=>({filter:R(g,e)}))],[[`l`],`fit`,I(`fit`)],[[`n`],`next worst tile`,(e,t)=>t.worst(1)],[[`N`],`tile before`,(e,t)=>t.worst(-1)],[[`]`],`twice the gain`,L(({gain:e})=>({gain:y(`gain`,2*e)}))],[[`[`],`half the gain`,L(({gain:e})=>({gain:y(`gain`,e/2)}))],[[`c`],`next channel alone`,L(({channel:e},t)=>({channel:e+1<t.channels()?e+1:-1}))],[[`0`],`all channels`,L(()=>({channel:-1}))],[[`o`],`normals: values, XYZ, lit`,L(({show:e})=>({show:R(m,e)}))],[[`m`],`coarser mip`,L((e,t)=>({mip:Math.min(t.mip()+1,t.mips()-1)}))],[[`M`],`finer mip`,L((e,t)=>({mip:Math.max(t.mip()-1,0)}))],[[`x`],`3 by 3`,L(({tiling:e})=>({tiling:e===1?3:1}))],[[`e`],`brighter`,L(({exposure:e})=>({exposure:y(`exposure`,e+.5)}))],[[`E`],`darker`,L(({exposure:e})=>({exposure:y(`exposure`,e-.5)}))],[[`+`,`=`],`closer`,(e,t)=>t.zoomBy(2)],[[`-`],`farther`,(e,t)=>t.zoomBy(.5)],[[`z`],`a pixel for a texel`,(e,t)=>t.fullSize()],[[`Home`,`h`],`all of the material`,L(()=>_)],[[`ArrowLeft`],`left`,(e,t)=>t.panBy(-1,0)],[[`ArrowRight`],`right`,(e,t)=>t.panBy(1,0)],[[`ArrowUp`],`up`,(e,t)=>t.panBy(0,-1)],[[`ArrowDown`],`down`,(e,t)=>t.panBy(0,1)],[[`k`],`dark or light`,(e,t)=>t.theme()],[[`?`],`this list`,(e,t)=>t.help()]];function Nn(e,t,n){let r=e=>e.target.matches(`input, textarea, select`);addEventListener(`keydown`,i=>{if(r(i)||i.ctrlKey||i.metaKey||i.altKey||document.querySelector(`dialog[open]`)&&i.key!==`?`)return;if(i.key===` `){i.preventDefault(),i.repeat||n(!0);return}let a=/^[1-9]$/.test(i.key)?t.names()[Number(i.key)-1]:void 0;a!==void 0&&e.set({map:a,channel:-1});let o=Mn.find(([e])=>e.includes(i.key));o&&(i.preventDefault(),o[2](e,t))}),addEventListener(`keyup`,e=>{e.key===` `&&(r(e)||e.preventDefault(),n(!1))}),addEventListener(`blur`,()=>n(!1))}function Pn(){let t=[[`space, held`,`A instead of B, and B instead of A`],[`1 to 9`,`maps`],[`drag, wheel`,`move or turn, closer and farther`],[`double click`,`all of the material`],[`drop files`,`one as B, two as A and B`]],n=Mn.map(([e,t])=>[e.join(` or `),t]);return e(`div`,{},e(`h2`,{},`Keys`),a(`keys`,[[``,``],...t,...n]))}var Fn=1.0015;function In(e,t,n){let r=t=>{let n=e.getBoundingClientRect(),r=devicePixelRatio;return[(t.clientX-n.left)*r,(t.clientY-n.top)*r]},i;e.addEventListener(`pointerdown`,n=>{n.target!==t&&(e.setPointerCapture(n.pointerId),i=r(n))}),e.addEventListener(`pointermove`,e=>{let t=r(e);i&&n.move(t[0]-i[0],t[1]-i[1]),i&&=t,n.hover(...t)});for(let t of[`pointerup`,`pointercancel`])e.addEventListener(t,()=>i=void 0);e.addEventListener(`dblclick`,()=>n.reset()),e.addEventListener(`wheel`,e=>{e.preventDefault(),n.zoom(Fn**-e.deltaY,...r(e))},{passive:!1}),t.addEventListener(`pointerdown`,e=>t.setPointerCapture(e.pointerId)),t.addEventListener(`pointermove`,e=>{t.hasPointerCapture(e.pointerId)&&n.split(r(e)[0])})}function Ln(e){let t=document.documentElement;addEventListener(`dragover`,e=>{e.preventDefault(),t.dataset.drop=`1`}),addEventListener(`dragleave`,e=>{e.relatedTarget===null&&delete t.dataset.drop}),addEventListener(`drop`,n=>{n.preventDefault(),delete t.dataset.drop,e([...n.dataTransfer?.files??[]])})}var Rn=40,zn=11;function Bn(e){let t=e.getContext(`2d`);if(!t)throw Error(`this browser gives no 2D canvas`);return t.clearRect(0,0,e.width,e.height),t}function Vn(e,{samples:t,placement:n,left:r,right:i},a){if(!t)return;let{width:o,height:s,channels:c,values:l}=t,u=n.zoom*a.width/o,d=n.zoom*a.height/s,f=zn*devicePixelRatio;if(u<Rn*devicePixelRatio||d<f*(c+1))return;e.font=`${f-devicePixelRatio}px ui-monospace, monospace`,e.textAlign=`center`,e.lineWidth=3*devicePixelRatio;let p=Math.max(Math.floor((r-n.left)/u),0),m=Math.min(Math.ceil((i-n.left)/u),o),h=Math.max(Math.floor(-n.top/d),0),g=Math.min(Math.ceil((e.canvas.height-n.top)/d),s);for(let t=h;t<g;t++)for(let a=p;a<m;a++){let s=n.left+(a+.5)*u;if(!(s<r||s>i))for(let r=0;r<c;r++){let i=String(l[(t*o+a)*c+r]),u=n.top+(t+.5)*d+f*(r+.8-c/2);e.strokeStyle=`#000a`,e.strokeText(i,s,u),e.fillStyle=`#fff`,e.fillText(i,s,u)}}}function Hn(e,{zoom:t,left:n,top:r},i){e.lineWidth=2*devicePixelRatio,e.strokeStyle=`#0ff`;let[a,o]=[n+i.x*t,r+i.y*t];e.strokeRect(a,o,i.width*t,i.height*t)}var Un=4;function z(e,t,n,r){if(e.zoom>0)return e.zoom;let i=Math.min(n/t.width,r/t.height)/e.tiling;return i>=1?Math.floor(i):i}function Wn(e,t,n,r,i){let a=z(e,t,n,r);return{zoom:a,left:Math.round(i-e.x*t.width*a),top:Math.round(r/2-e.y*t.height*a)}}function Gn(e,t,n,r,i,a,o){let s=new Int32Array((t-e)*o),c=Math.floor(a/2)*i;for(let t=0;t<s.length;t++){let l=Math.floor((e+(t+.5)/o-n)/r),u=l>=-c&&l<i*a-c;s[t]=u?(l%i+i)%i:-1}return s}function Kn(e,t,n,r){let i=n.mode===`side`?Math.floor(e.width/2):e.width,a=e.getContext(`2d`,{alpha:!0,willReadFrequently:!0});if(!a)throw Error(`this browser gives no 2D canvas`);let{width:o,height:s}=e;a.clearRect(0,0,o,s);for(let e of t){let t=e.right-e.left;if(t<1)continue;let o=a.createImageData(t,s),c=Wn(n,r,i,s,e.middle);qn(new Uint32Array(o.data.buffer),t,s,e,c,n,r),a.putImageData(o,e.left,0)}}function qn(e,t,n,r,i,a,o){let{picture:s,left:c}=r,l=i.zoom*o.width/s.width,u=i.zoom*o.height/s.height,d=Math.min(Math.max(Math.ceil(1/Math.min(l,u)),1),Un),{tiling:f}=a,p=Gn(c,c+t,i.left,l,s.width,f,d),m=Gn(0,n,i.top,u,s.height,f,d);for(let r=0;r<n;r++)for(let n=0;n<t;n++)e[r*t+n]=d===1?Jn(s,p[n],m[r]):Yn(s,p,m,n,r,d)}function Jn(e,t,n){return t<0||n<0?0:e.pixels[n*e.width+t]}function Yn(e,t,n,r,i,a){let[o,s,c,l]=[0,0,0,0];for(let u=i*a;u<(i+1)*a;u++)for(let i=r*a;i<(r+1)*a;i++){let[r,a]=[t[i],n[u]];if(r<0||a<0)continue;let d=e.pixels[a*e.width+r];o+=d&255,s+=d>>8&255,c+=d>>16&255,l++}if(l===0)return 0;let u=e=>Math.round(e/l);return(4278190080|u(c)<<16|u(s)<<8|u(o))>>>0}function Xn(e,t,n){return[(t-e.left)/e.zoom,(n-e.top)/e.zoom]}var Zn=class{canvas=t(`picture`);divider=t(`divider`);marks=t(`marks`);labels=t(`labels`);box=t(`stage`);constructor(e){new ResizeObserver(()=>this.fit()&&e()).observe(this.box),this.fit()}fit(){let e=Math.max(Math.round(this.box.clientWidth*devicePixelRatio),1),t=Math.max(Math.round(this.box.clientHeight*devicePixelRatio),1);if(this.canvas.width===e&&this.canvas.height===t)return!1;for(let n of[this.canvas,this.marks])n.width=e,n.height=t,n.style.width=`${e/devicePixelRatio}px`,n.style.height=`${t/devicePixelRatio}px`;return!0}draw(e,t,n,r){let i=t.mode===`3d`?[]:this.panes(e,t,n);Kn(this.canvas,i,t,e.size);let a=Bn(this.marks);for(let n of i){let i=this.placement(e,t,n.middle),o=n.picture===e.pictures[0]?e.left:e.right,s=e.pictures[0]!==e.pictures[1]||e.left===e.right,{left:c,right:l}=n;Vn(a,{samples:s&&t.tiling===1?o:void 0,placement:i,left:c,right:l},e.size),r&&Hn(a,i,r)}this.canvas.hidden=this.marks.hidden=t.mode===`3d`,this.divider.hidden=t.mode!==`split`&&t.mode!==`3d`,this.divider.style.left=`${t.split*this.canvas.width/devicePixelRatio}px`,this.say(this.label(e,t,n))}say(e){this.labels.textContent=e}panes({pictures:e},t,n){let{width:r}=this.canvas,[i,a]=n?[e[1],e[0]]:e;if(t.mode===`split`){let e=Math.round(t.split*r);return[{picture:i,left:0,right:e,middle:r/2},{picture:a,left:e,right:r,middle:r/2}]}if(t.mode===`side`){let e=Math.floor(r/2);return[{picture:i,left:0,right:e,middle:e/2},{picture:a,left:e,right:r,middle:e+e/2}]}return[{picture:t.mode===`a`?i:a,left:0,right:r,middle:r/2}]}label(e,t,n){let{mode:r}=t,i=r===`a`||r===`b`,a=`${Number((100*z(t,e.size,this.paneWidth(t),this.canvas.height)).toPrecision(3))} %`,o=i?r===`a`===n?`B: ${e.b.name}`:`A: ${e.a.name}`:$t(t),s=r===`split`||r===`side`?`A: ${e.a.name} · B: ${e.b.name}`:``;return[o||s,`${e.record.name}, mip ${e.mip}`,a].filter(Boolean).join(` · `)}paneWidth(e){return e.mode===`side`?Math.floor(this.canvas.width/2):this.canvas.width}placement(e,t,n){return Wn(t,e.size,this.paneWidth(t),this.canvas.height,n)}placementAt(e,t,n){let r=this.paneWidth(t)/2,i=t.mode===`side`&&n>=2*r;return this.placement(e,t,i?3*r:r)}},Qn=`ntc-theme`,B=document.documentElement;function $n(e){e===null?delete B.dataset.theme:B.dataset.theme=e}function er(){try{return localStorage.getItem(Qn)}catch{return null}}function tr(){$n(er())}function nr(){let e=matchMedia(`(prefers-color-scheme: dark)`).matches,t=(B.dataset.theme??(e?`dark`:`light`))===`dark`?`light`:`dark`;$n(t);try{localStorage.setItem(Qn,t)}catch{}}var rr=.1,ir=new Set([`zoom`,`x`,`y`,`split`,`tiling`,`turn`,`tilt`,`distance`]),ar=.4,or=25,sr=110,V=document.documentElement,cr=t(`bar`),lr=t(`panel`),H=t(`message`),U=t(`help`),W=new At,G=new ce(v),K=new Zn(()=>vr()),q=new f(()=>br()),J,ur=!1,Y=-1,dr,X=0,fr=!1,pr=!1,mr,Z=e(`div`),hr=e(`div`),gr=e(`div`);lr.append(Z,hr,gr);function Q(e){let t=e instanceof Error?e.message:String(e);V.dataset.error=H.textContent=t}function _r(e){return JSON.stringify(Object.entries(e).filter(([e])=>!ir.has(e)))}function vr(){fr||(fr=!0,requestAnimationFrame(()=>{fr=!1,yr()}))}function yr(){if(!J)return;let{width:e,height:t}=K.canvas;q.draw(J,G.state,e,t),K.draw(J,G.state,ur,dr),Nr();let{mode:n}=G.state,{latest:r}=$;br(),n===`fit`&&r?.preview&&K.say(`preview ${r.preview} of run ${r.run.run} · ${J.record.name}`)}function br(){J&&G.state.mode===`3d`&&K.say(q.label(J.a.name,J.b.name))}async function xr(){let e=++X;delete V.dataset.ready,delete V.dataset.shown,delete V.dataset.error,H.textContent=``,V.dataset.busy=`1`,ue(cr,G,W,J,Fr);let{state:t}=G;t.mode===`fit`&&$.open(W.session?.items??[]);try{let n=await an(W,t,J?.b).catch(()=>void 0);if(e!==X)return;n&&Sr(n,`coarse`);let r=await(t.mode===`fit`?wn(W,t,$.latest):j(W,t));if(e!==X||((r.record.name!==J?.record.name||r.b!==J?.b)&&(Y=-1),Y<0&&(dr=void 0),await q.wear(r,t),e!==X))return;Sr(r,`sharp`),await q.drawn,await Cr(r,t),e===X&&(V.dataset.ready=`1`)}catch(t){e===X&&Q(t)}finally{e===X&&delete V.dataset.busy}}function Sr(e,t){J=e,ue(cr,G,W,J,Fr),yr(),V.dataset.shown=t}async function Cr(e,t){let n=t.mode===`fit`?[]:await fn(e,t.decoder);J===e&&(t.mode===`fit`?Z.firstChild!==$.node&&Z.replaceChildren($.node):Z.replaceChildren(...n),hr.replaceChildren(jn(e,t.channel)))}async function wr(e){let t=[],n=[];for(let r of e)try{n.push((await W.addFile(r)).key)}catch(e){t.push(e.message)}let[r,i]=[n[0],n.at(-1)];i!==void 0&&r!==i?G.set({a:r,b:i,map:``,mode:`split`}):i!==void 0&&G.set({a:J?.a.key??i,b:i,map:``,mode:`b`}),t.length&&Q(t.join(`
`))}async function Tr(e){if(!J)return;let{record:t,size:n}=J,r=J.tiles??await cn(J);if(r.worst.length===0)throw Error(`${t.name}: no tile differs`);Y=(Y+e+r.worst.length)%r.worst.length;let i=r.worst[Y],[a,o]=[i%r.columns*r.size,Math.floor(i/r.columns)*r.size],[s,c]=[Math.min(r.size,n.width-a),Math.min(r.size,n.height-o)];dr={x:a,y:o,width:s,height:c};let l=r.psnr[i];H.textContent=`tile ${Y+1} of ${r.worst.length}: ${l?.toFixed(2)} dB`;let u=Math.min(K.canvas.width,K.canvas.height)/(3*r.size),d={x:(a+s/2)/n.width,y:(o+c/2)/n.height};G.set({zoom:y(`zoom`,u),...d})}function Er(){let{width:e,height:t}=K.canvas;return J?z(G.state,J.size,e,t):1}function Dr(e,t,n){if(!J||G.state.mode===`3d`)return;let{state:r}=G,i=K.placementAt(J,r,t),[a,o]=Xn(i,t,n),s=Math.min(Math.max(e,1/64),256),{width:c,height:l}=J.size,u=i.left+r.x*c*i.zoom,d=i.top+r.y*l*i.zoom;G.set({zoom:s,x:y(`x`,(a-(t-u)/s)/c),y:y(`y`,(o-(n-d)/s)/l)})}function Or(e,t){if(!J)return;let{x:n,y:r}=G.state,i=Er();G.set({zoom:i,x:y(`x`,n+e/i/J.size.width),y:y(`y`,r+t/i/J.size.height)})}function kr(e,t){let{turn:n,tilt:r}=G.state,i=(n+ar*e+540)%360-180;G.set({turn:y(`turn`,i),tilt:y(`tilt`,r+ar*t)})}function Ar(e,t,n){let{mode:r,distance:i}=G.state;r===`3d`?G.set({distance:y(`distance`,i/e)}):Dr(Er()*e,t,n)}function jr(e,t){if(J&&G.state.mode!==`3d`)return On(J,...Xn(K.placementAt(J,G.state,e),e,t))}function Mr(e,t){jr(e,t)&&(mr=[e,t]),Nr()}function Nr(){let e=mr&&jr(...mr);gr.replaceChildren(...J&&e?[kn(J,...e)]:[])}var Pr=()=>U.open?U.close():U.showModal(),Fr={openFiles:e=>void wr(e),help:Pr,theme:Ir};function Ir(){nr(),J&&Cr(J,G.state).catch(Q)}var $=new Sn((e,t)=>void W.refresh().then(()=>G.set({a:String(t),b:String(e),mode:`split`,map:``})).catch(Q),e=>void(e.run.state===`running`?Promise.resolve():W.refresh()).then(()=>G.state.mode===`fit`?xr():void 0).catch(Q),Q);function Lr(){if(pr)return;history.replaceState(null,``,location.pathname+se(G.state));let e=G.state,{hash:t}=location;pr=!0,setTimeout(()=>{pr=!1,G.state!==e&&(location.hash===t?Lr():setTimeout(Lr,sr))},sr)}function Rr(){let e=_r(G.state);G.onChange(()=>{Lr();let t=_r(G.state);t===e?vr():(e=t,xr())}),addEventListener(`hashchange`,()=>{try{G.set(ie(location.hash))}catch(e){Q(e)}}),Nn(G,{names:()=>J?.records.map(({name:e})=>e)??[],channels:()=>J?.right.channels??1,mip:()=>J?.mip??0,mips:()=>J?.mips??1,zoomBy:e=>Ar(e,K.canvas.width/2,K.canvas.height/2),fullSize:()=>Dr(1,K.canvas.width/2,K.canvas.height/2),panBy:(e,t)=>{G.state.mode===`3d`?kr(e*or,t*or):Or(e*rr*K.canvas.width,t*rr*K.canvas.height)},worst:e=>void Tr(e).catch(Q),help:Pr,theme:Ir},e=>{ur=e,vr()}),In(t(`stage`),K.divider,{move:(e,t)=>G.state.mode===`3d`?kr(e,t):Or(-e,-t),zoom:Ar,hover:Mr,reset:()=>G.set(_),split:e=>G.set({split:y(`split`,e/K.canvas.width)})}),Ln(e=>void wr(e))}async function zr(){history.replaceState(null,``,location.pathname+location.hash),tr(),U.append(Pn()),G.state=ie(location.hash),w(),await W.refresh(),Rr(),await xr()}zr().catch(Q);export{Ee as n,Ce as r,M as t};