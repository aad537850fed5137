#version 450
// A mip of a .ntc to texels of four bytes, for several maps at once: one decode gives all channels. What a
// map has not from the decoder, constant channels and alpha, is filled in.
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "ntc.glsl"
layout(local_size_x = 64) in;

const uint MOST_MAPS = 8u;
const uint NO_OUTPUT = 255u;

layout(set = 0, binding = 2, std430) writeonly buffer Texels {
    uint texels[];
};

layout(push_constant) uniform Call {
    uint first_word;
    uint words;
    uint mip;
    uint maps;
    uint first_texel;  // of this mip of the first map
    uint map_texels;   // from a map to the next
    uint unused0;
    uint unused1;
    uint outputs[MOST_MAPS];  // of the decoder for red, green, blue, alpha, a byte each, or NO_OUTPUT
    uint filled[MOST_MAPS];   // bytes of the channels that have none
} call;

uint texel_of_map(NtcTexel texel, uint map)
{
    uint packed = 0u;
    [[dont_unroll]]
    for (uint c = 0u; c < 4u; c++) {
        uint channel = (call.outputs[map] >> (8u * c)) & 255u;
        uint value = (ntc_value(texel, channel) + 128u) / 257u;  // chapter 9: a sample of uint8
        packed |= (channel == NO_OUTPUT ? (call.filled[map] >> (8u * c)) & 255u : value) << (8u * c);
    }
    return packed;
}

void main()
{
    NtcMaterial material = NtcMaterial(call.first_word, call.words);
    uvec2 size = ntc_mip_size(material, call.mip);
    uint index = (gl_WorkGroupID.y * 65535u + gl_WorkGroupID.x) * 64u + gl_LocalInvocationIndex;
    if (index >= size.x * size.y)
        return;
    NtcTexel texel = ntc_texel(material, uvec2(index % size.x, index / size.x), call.mip);
    [[dont_unroll]]
    for (uint map = 0u; map < call.maps; map++)
        texels[call.first_texel + map * call.map_texels + index] = texel_of_map(texel, map);
}
