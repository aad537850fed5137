"""`ntc.essl` in Chromium's WebGL2 gives what the reference gives, bit for bit.

`NTC_EXPECT_BROWSER=1` promises Chromium and what drives it.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import missing
from models import random_model, wide_model
from test_golden import GOLDEN
from test_shaders import FILTERS, GENERATED, SIZE, blend, field, hit, nearest, queries_of, trilinear

from ntc.decode import reference, words
from ntc.format import container, spec
from ntc.format.model import QuantizedModel

PAGE = Path(__file__).resolve().parent / "browser" / "webgl.html"
TARGETS = 4  # of four words: 32 channels of 16 bits
TEXEL = """\
uniform uint count;
uniform uint mip;
layout(location = 0) out uvec4 found[4];
void main()
{
    NtcTexel texel = ntc_texel(NtcMaterial(0u, count), uvec2(gl_FragCoord.xy), mip);
    for (uint i = 0u; i < 4u; i++) {
        uint at = 4u * i;
        uvec4 four = uvec4(texel.values[at], texel.values[at + 1u], texel.values[at + 2u],
            texel.values[at + 3u]);
        if (i == 0u) found[0] = four;
        if (i == 1u) found[1] = four;
        if (i == 2u) found[2] = four;
        if (i == 3u) found[3] = four;
    }
}
"""
SAMPLE = """\
uniform uint count;
uniform highp usampler2D queries;
layout(location = 0) out uvec4 found;
uvec4 query(uint i) { return texelFetch(queries, ivec2(i & 2047u, i >> 11), 0); }
void main()
{
    uint i = uint(gl_FragCoord.y) * 64u + uint(gl_FragCoord.x);
    vec4 at = uintBitsToFloat(query(2u * i));
    vec4 more = uintBitsToFloat(query(2u * i + 1u));
    NtcMaterial material = NtcMaterial(uint(more.w), count - uint(more.w));
    NtcTexel texel = ntc_sample(material, at.xy, at.z, uint(at.w), more.xyz);
    float lod = ntc_lod(material, vec2(0.25, 0.0), vec2(0.0, 0.125));
    found = uvec4(ntc_value(texel, 0u), ntc_value(texel, 1u), ntc_value(texel, 2u),
        floatBitsToUint(lod + ntc_channel(texel, 0u) - ntc_channel(texel, 0u)));
}
"""

pytestmark = pytest.mark.gpu


class WebGl:
    """A page that draws into whole numbers."""

    def __init__(self, page: Any) -> None:
        self._page = page
        for name, body in {"texel": TEXEL, "sample": SAMPLE}.items():
            page.evaluate("given => compile(...given)", [name, self._shader(body)])

    @staticmethod
    def _shader(body: str) -> str:
        return f"#version 300 es\n{(GENERATED / 'ntc.essl').read_text('utf-8')}{body}"

    def draw(
        self,
        name: str,
        size: tuple[int, int],
        targets: int,
        textures: dict[str, np.ndarray],
        **uniforms: int,
    ) -> np.ndarray:
        """`[height, width, 4 targets]` words."""
        width, height = size
        encoded = {sampler: base64.b64encode(data).decode() for sampler, data in textures.items()}
        given = {"name": name, "width": width, "height": height, "targets": targets}
        given |= {"textures": encoded, "uniforms": uniforms}
        found = self._page.evaluate("draw", given)
        planes = [np.frombuffer(base64.b64decode(text), np.uint32) for text in found]
        return np.concatenate([plane.reshape(height, width, 4) for plane in planes], axis=2)

    def decode(self, model: QuantizedModel, mip: int) -> np.ndarray:
        """What `reference.decode` gives."""
        packed = words.pack(model)
        size = spec.mip_size(model.width, model.height, mip)
        uniforms = {"count": len(packed), "mip": mip}
        found = self.draw("texel", size, TARGETS, {"ntc_words": packed}, **uniforms)
        return found.view(np.uint16)[..., : model.channels]


@pytest.fixture(scope="module")
def webgl(browser: Any) -> Iterator[WebGl]:
    page = browser.new_page()
    page.goto(PAGE.as_uri())
    try:
        page.evaluate("start()")
    except Exception as error:
        missing(f"no WebGL2: {error}", "NTC_EXPECT_BROWSER")
    yield WebGl(page)
    page.close()


@pytest.mark.parametrize("seed", range(40))
def test_texels_of_random_models(webgl: WebGl, seed: int) -> None:
    model = random_model(seed)
    for mip in range(model.mips):
        np.testing.assert_array_equal(webgl.decode(model, mip), reference.decode(model, mip))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_texels_of_golden_files(webgl: WebGl, path: Path) -> None:
    model = container.read(path.read_bytes()).model
    for mip in range(model.mips):
        np.testing.assert_array_equal(webgl.decode(model, mip), reference.decode(model, mip))


def test_samples_in_every_filter(webgl: WebGl, rng: np.random.Generator) -> None:
    model = wide_model(SIZE, SIZE, 3, (16,), wrap=(True, False))
    first = 8  # the material need not be the first of the texture
    packed = np.concatenate([np.full(first, 0xFFFFFFFF, np.uint32), words.pack(model)])
    queries = queries_of(rng, model.mips)
    queries[:, 1, 3] = first
    textures = {"ntc_words": packed, "queries": queries.view(np.uint32)}
    found = webgl.draw("sample", (64, 64), 1, textures, count=len(packed)).reshape(-1, 4)
    np.testing.assert_allclose(found[:, 3].copy().view(np.float32), np.log2(SIZE / 4))
    for name, expected in (
        ("texel", lambda q: blend(model, *nearest(model, q))),
        ("filtered", lambda q: field(model, q)),
        ("exact", lambda q: trilinear(model, q)),
        ("stochastic", lambda q: blend(model, *hit(model, q))),
    ):
        at = FILTERS.index(name)
        error = np.abs(found[at::4, :3].astype(float) - expected(queries[at::4]))
        assert error.max() < (0.6 if name == "exact" else 1e-9), name
