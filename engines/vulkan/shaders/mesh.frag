#version 450
// A pixel of a mesh. With ON_SAMPLE, slots of a .ntc are decoded here; without, they are images like others.
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "scene.glsl"
#ifdef ON_SAMPLE
#define NTC_SET 0
#define NTC_BINDING 3
#include "ntc.glsl"
#endif
#include "pbr.glsl"

layout(constant_id = 0) const uint FILTER = 0u;         // NTC_FILTER_...; of images, 0 is the nearest texel
layout(constant_id = 1) const bool ROUND_TO_8 = false;  // of what a .ntc gives: images of 8 bits hold no more

layout(set = 1, binding = 0) uniform sampler2D images[SLOTS];

layout(location = 0) in vec3 world_position;
layout(location = 1) in vec3 world_normal;
layout(location = 2) in vec4 coordinates;
layout(location = 3) flat in uint material_index;

layout(location = 0) out vec4 color;

// Both sets of texture coordinates, and how they change from pixel to pixel.
struct Footprint {
    vec4 uv, dx, dy;
};

vec2 chosen(vec4 both, uint set)
{
    return set == 0u ? both.xy : both.zw;
}

// The lod of ntc_lod and steps of it as in ntc_sample, so that both ways read the same mips. Images alone
// would do with texture().
vec4 read_image(sampler2D image, vec2 uv, vec2 dx, vec2 dy)
{
    vec2 size = vec2(textureSize(image, 0));
    dx *= size;
    dy *= size;
    float lod = 0.5 * log2(max(max(dot(dx, dx), dot(dy, dy)), 1e-12));
    uint lod256 = uint(256.0 * clamp(lod, 0.0, float(textureQueryLevels(image) - 1)) + 0.5);
    return textureLod(image, uv, FILTER == 0u ? float((lod256 + 128u) >> 8) : float(lod256) / 256.0);
}

#define READ_IMAGE(slot)                                                                                \
    if (slots[slot].source == FROM_IMAGE)                                                               \
        values[slot] = read_image(images[slot], chosen(footprint.uv, slots[slot].coordinates),          \
                                  chosen(footprint.dx, slots[slot].coordinates),                        \
                                  chosen(footprint.dy, slots[slot].coordinates));

void read_images(Slot slots[SLOTS], Footprint footprint, inout vec4 values[SLOTS])
{
    READ_IMAGE(0)
    READ_IMAGE(1)
    READ_IMAGE(2)
    READ_IMAGE(3)
    READ_IMAGE(4)
}

#ifdef ON_SAMPLE
// Three numbers of at least 0 and below 1, new ones for each pixel and frame.
vec3 random_numbers()
{
    // A permuted congruential generator in three dimensions: Jarzynski and Olano, "Hash Functions for GPU
    // Rendering", 2020.
    uvec3 v = uvec3(gl_FragCoord.xy, frame.number) * 1664525u + 1013904223u;
    v += v.yzx * v.zxy;
    v ^= v >> 16u;
    v += v.yzx * v.zxy;
    return vec3(v >> 8u) / 16777216.0;
}

vec4 channels_of(NtcTexel texel, Slot slot)
{
    vec4 value = slot.constant;
    [[dont_unroll]]
    for (uint c = 0u; c < 4u; c++) {
        uint index = (slot.outputs >> (8u * c)) & 255u;
        if (index == NO_OUTPUT)
            continue;
        value[c] = ntc_channel(texel, index);
        if (ROUND_TO_8)
            value[c] = float((ntc_value(texel, index) + 128u) / 257u) / 255.0;
    }
    return value;
}

// One decode gives all slots that share texture coordinates: most materials have one set.
void read_ntc(Material from, Footprint footprint, inout vec4 values[SLOTS])
{
    NtcMaterial material = NtcMaterial(from.first_word, from.words);
    [[dont_unroll]]
    for (uint set = 0u; set < 2u; set++) {
        bool wanted = false;
        for (uint slot = 0u; slot < SLOTS; slot++)
            wanted = wanted || (from.slots[slot].source == FROM_NTC && from.slots[slot].coordinates == set);
        if (!wanted)
            continue;
        float lod = ntc_lod(material, chosen(footprint.dx, set), chosen(footprint.dy, set));
        vec2 uv = chosen(footprint.uv, set);
        NtcTexel texel = ntc_sample(material, uv, lod, FILTER, random_numbers());
        [[dont_unroll]]
        for (uint slot = 0u; slot < SLOTS; slot++)
            if (from.slots[slot].source == FROM_NTC && from.slots[slot].coordinates == set)
                values[slot] = channels_of(texel, from.slots[slot]);
    }
}
#endif

// The normal that a normal map says, where `geometric` is that of the surface: its x follows u, its y goes up
// the image, against v. The tangents come from how position and coordinates change from pixel to pixel.
vec3 mapped_normal(vec3 geometric, vec3 dx, vec3 dy, vec2 uv_dx, vec2 uv_dy, vec3 value, float scale)
{
    vec3 across = cross(dy, geometric), along = cross(geometric, dx);
    float handed = dot(dx, across) < 0.0 ? -1.0 : 1.0;
    vec3 tangent = handed * (across * uv_dx.x + along * uv_dy.x);
    vec3 bitangent = -handed * (across * uv_dx.y + along * uv_dy.y);
    float longest = max(dot(tangent, tangent), dot(bitangent, bitangent));
    if (longest <= 0.0)
        return geometric;
    vec3 mapped = (2.0 * value - 1.0) * vec3(scale, scale, 1.0);
    vec3 sideways = (tangent * mapped.x + bitangent * mapped.y) * inversesqrt(longest);
    return normalize(sideways + geometric * mapped.z);
}

void main()
{
    Material material = materials[material_index];
    Footprint footprint = Footprint(coordinates, dFdx(coordinates), dFdy(coordinates));
    vec3 dx = dFdx(world_position), dy = dFdy(world_position);

    vec4 values[SLOTS];
    for (uint slot = 0u; slot < SLOTS; slot++)
        values[slot] = material.slots[slot].constant;
    read_images(material.slots, footprint, values);
#ifdef ON_SAMPLE
    read_ntc(material, footprint, values);
#endif
    if (values[BASE_COLOR].a * material.base_color.a < material.emissive.w)
        discard;

    Surface surface;
    surface.base_color = linear_of(values[BASE_COLOR].rgb) * material.base_color.rgb;
    surface.emitted = linear_of(values[EMISSIVE].rgb) * material.emissive.rgb;
    surface.roughness = values[METALLIC_ROUGHNESS].g * material.roughness;
    surface.metallic = values[METALLIC_ROUGHNESS].b * material.metallic;
    surface.occlusion = 1.0 + material.occlusion_strength * (values[OCCLUSION].r - 1.0);
    vec3 geometric = normalize(world_normal) * (gl_FrontFacing ? 1.0 : -1.0);
    uint set = material.slots[NORMAL].coordinates;
    surface.normal = mapped_normal(geometric, dx, dy, chosen(footprint.dx, set), chosen(footprint.dy, set),
                                   values[NORMAL].xyz, material.normal_scale);
    vec3 view = normalize(frame.eye.xyz - frame.eye.w * world_position);
    color = vec4(encoded_of(shaded(surface, view)), 1.0);
}
