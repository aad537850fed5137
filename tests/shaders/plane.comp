// A tilted plane with a material on it, drawn as an engine would: a sample a pixel, the lod from the differences of uv.
#version 450
#extension GL_GOOGLE_include_directive : require
#define NTC_BINDING 1
#include "ntc.glsl"
layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer View
{
    vec4 rows[3];  // pixel (x, y, 1, 0) -> u, v and what both are divided by
    uint width;
    uint height;
    uint channels;
    uint how;    // one of NTC_FILTER_
    uint frame;  // its random numbers are its own
    float bias;  // added to the lod
};
layout(std430, binding = 2) writeonly buffer Picture { float picture[]; };

vec2 uv_at(vec2 pixel)
{
    vec4 at = vec4(pixel, 1.0, 0.0);
    return vec2(dot(rows[0], at), dot(rows[1], at)) / dot(rows[2], at);
}

// Any 32 bits to as good as random ones. Constants: Wellons, "Prospecting for Hash Functions", 2018.
uint scrambled(uint x)
{
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return x ^ (x >> 16);
}

vec3 random_of(uint pixel)
{
    uint a = scrambled(pixel + scrambled(frame));
    uint b = scrambled(a + 0x9E3779B9u);
    uint c = scrambled(b + 0x9E3779B9u);
    return vec3(uvec3(a, b, c) >> 8) / 16777216.0;
}

void main()
{
    uint index = gl_GlobalInvocationID.x;
    if (index >= width * height)
        return;
    vec2 pixel = vec2(index % width, index / width) + 0.5;
    vec2 uv = uv_at(pixel);
    NtcMaterial material = NtcMaterial(0u, uint(ntc_words._data.length()));
    float lod = bias + ntc_lod(material, uv_at(pixel + vec2(1.0, 0.0)) - uv, uv_at(pixel + vec2(0.0, 1.0)) - uv);

    NtcTexel texel = ntc_sample(material, uv, lod, how, random_of(index));
    [[dont_unroll]]
    for (uint c = 0u; c < channels; ++c)
        picture[index * channels + c] = ntc_channel(texel, c);
}
