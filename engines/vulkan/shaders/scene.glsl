// What all shaders that draw are given: the same numbers as in src/records.h.

const uint BASE_COLOR = 0u, METALLIC_ROUGHNESS = 1u, NORMAL = 2u, OCCLUSION = 3u, EMISSIVE = 4u, SLOTS = 5u;

const uint FROM_CONSTANT = 0u, FROM_IMAGE = 1u, FROM_NTC = 2u;
const uint NO_OUTPUT = 255u;

struct Slot {
    uint source;       // FROM_...
    uint outputs;      // FROM_NTC: the output for red, green, blue, alpha, a byte each, or NO_OUTPUT
    uint coordinates;  // the set of texture coordinates, 0 or 1
    uint unused;
    vec4 constant;  // what a channel is that has no output, or the whole slot
};

struct Material {
    vec4 base_color;
    vec4 emissive;  // and the cutoff of alpha
    float metallic;
    float roughness;
    float normal_scale;
    float occlusion_strength;
    uint first_word;  // of the .ntc
    uint words;
    uint unused0;
    uint unused1;
    Slot slots[SLOTS];
};

struct Draw {
    mat4 transform;
    mat4 normal_transform;
    uint material;
    uint unused0;
    uint unused1;
    uint unused2;
};

layout(set = 0, binding = 0) uniform Frame {
    mat4 view_projection;
    vec4 eye;  // where the camera stands, or with w = 0 the direction that it looks from
    uint number;
} frame;

layout(set = 0, binding = 1, std430) readonly buffer Draws {
    Draw draws[];
};

layout(set = 0, binding = 2, std430) readonly buffer Materials {
    Material materials[];
};
