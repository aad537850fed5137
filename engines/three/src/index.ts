export { NTCMaterialTexturesExtension } from "./gltf.js";
export { NTCLoader } from "./loader.js";
export { NTCMaterial, type NTCMaterialOptions, type Slots } from "./material.js";
export { type NTCFilter, NTCSample, NTCTextures, type NTCTexturesEvents } from "./textures.js";
