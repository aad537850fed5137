#version 450
// Texels of four bytes to blocks of BC7, mode 6 alone: one line through the colours of the block, 16 steps
// along it, ends of 7 bits and one that the four channels of an end share. One thread a block.
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = 64) in;

layout(set = 0, binding = 1, std430) writeonly buffer Blocks {
    uvec4 blocks[];
};
layout(set = 0, binding = 2, std430) readonly buffer Texels {
    uint texels[];
};

layout(push_constant) uniform Call {
    uint width;
    uint height;
    uint first_texel;
    uint first_block;
} call;

const uint WEIGHTS[16] = uint[](0u, 4u, 9u, 13u, 17u, 21u, 26u, 30u, 34u, 38u, 43u, 47u, 51u, 55u, 60u, 64u);
const uint ROUNDS = 4u;

vec4 texels_of_block[16];

struct Ends {
    uvec4 low, high;
};

struct Candidate {
    Ends ends;
    uint indices[2];  // 4 bits a texel
    float error;
};

uint index_of(Candidate candidate, uint i)
{
    return (candidate.indices[i >> 3] >> (4u * (i & 7u))) & 15u;
}

// The nearest end that can be stored.
uvec4 stored_end(vec4 end)
{
    vec4 even = 2.0 * clamp(round(end / 2.0), 0.0, 127.0);
    vec4 odd = 2.0 * clamp(round((end - 1.0) / 2.0), 0.0, 127.0) + 1.0;
    return uvec4(dot(even - end, even - end) <= dot(odd - end, odd - end) ? even : odd);
}

// Each texel at the nearest step between two ends, and what that misses.
Candidate candidate_of(vec4 low, vec4 high)
{
    Candidate candidate;
    candidate.ends = Ends(stored_end(low), stored_end(high));
    candidate.indices = uint[](0u, 0u);
    candidate.error = 0.0;
    vec4 from = vec4(candidate.ends.low), line = vec4(candidate.ends.high) - from;
    float scale = 15.0 / max(dot(line, line), 1.0);
    [[dont_unroll]]
    for (uint i = 0u; i < 16u; i++) {
        uint index = uint(clamp(round(dot(texels_of_block[i] - from, line) * scale), 0.0, 15.0));
        uint weight = WEIGHTS[index];
        uvec4 decoded = ((64u - weight) * candidate.ends.low + weight * candidate.ends.high + 32u) >> 6u;
        vec4 missed = texels_of_block[i] - vec4(decoded);
        candidate.error += dot(missed, missed);
        candidate.indices[i >> 3] |= index << (4u * (i & 7u));
    }
    return candidate;
}

// The direction in which the colours of the block differ most.
vec4 principal_axis(vec4 mean)
{
    mat4 covariance = mat4(0.0);
    vec4 low = texels_of_block[0], high = low;
    [[dont_unroll]]
    for (uint i = 0u; i < 16u; i++) {
        vec4 offset = texels_of_block[i] - mean;
        covariance += outerProduct(offset, offset);
        low = min(low, texels_of_block[i]);
        high = max(high, texels_of_block[i]);
    }
    vec4 axis = high - low + 1e-3;
    [[dont_unroll]]
    for (uint i = 0u; i < 8u; i++) {
        vec4 turned = covariance * axis;
        float size = length(turned);
        if (size < 1e-6)
            break;
        axis = turned / size;
    }
    return normalize(axis);
}

// The ends that suit the steps of a candidate best: least squares.
void fit_ends(Candidate candidate, inout vec4 low, inout vec4 high)
{
    float a = 0.0, b = 0.0, c = 0.0;
    vec4 near_low = vec4(0.0), near_high = vec4(0.0);
    [[dont_unroll]]
    for (uint i = 0u; i < 16u; i++) {
        float w = float(WEIGHTS[index_of(candidate, i)]) / 64.0;
        a += (1.0 - w) * (1.0 - w);
        b += w * (1.0 - w);
        c += w * w;
        near_low += (1.0 - w) * texels_of_block[i];
        near_high += w * texels_of_block[i];
    }
    float determinant = a * c - b * b;
    if (determinant < 1e-3)
        return;
    low = clamp((c * near_low - b * near_high) / determinant, 0.0, 255.0);
    high = clamp((a * near_high - b * near_low) / determinant, 0.0, 255.0);
}

Candidate best_candidate()
{
    vec4 mean = vec4(0.0);
    for (uint i = 0u; i < 16u; i++)
        mean += texels_of_block[i] / 16.0;
    vec4 axis = principal_axis(mean);
    float nearest = 0.0, farthest = 0.0;
    for (uint i = 0u; i < 16u; i++) {
        float along = dot(texels_of_block[i] - mean, axis);
        nearest = min(nearest, along);
        farthest = max(farthest, along);
    }
    vec4 low = clamp(mean + nearest * axis, 0.0, 255.0), high = clamp(mean + farthest * axis, 0.0, 255.0);
    Candidate best = candidate_of(low, high), last = best;
    [[dont_unroll]]
    for (uint i = 1u; i < ROUNDS; i++) {
        fit_ends(last, low, high);
        last = candidate_of(low, high);
        if (last.error < best.error)
            best = last;
    }
    return best;
}

void put(inout uvec4 block, inout uint at, uint value, uint bits)
{
    uint word = at >> 5u, shift = at & 31u;
    block[word] |= value << shift;
    if (shift + bits > 32u)
        block[word + 1u] |= value >> (32u - shift);
    at += bits;
}

uvec4 block_of(Candidate candidate)
{
    // The first texel's index has 3 bits: its highest is 0.
    bool swapped = index_of(candidate, 0u) >= 8u;
    Ends ends = candidate.ends;
    if (swapped)
        ends = Ends(ends.high, ends.low);
    uvec4 block = uvec4(0u);
    uint at = 0u;
    put(block, at, 1u << 6u, 7u);  // mode 6
    for (uint c = 0u; c < 4u; c++) {
        put(block, at, ends.low[c] >> 1u, 7u);
        put(block, at, ends.high[c] >> 1u, 7u);
    }
    put(block, at, ends.low.x & 1u, 1u);
    put(block, at, ends.high.x & 1u, 1u);
    [[dont_unroll]]
    for (uint i = 0u; i < 16u; i++) {
        uint index = index_of(candidate, i);
        put(block, at, swapped ? 15u - index : index, i == 0u ? 3u : 4u);
    }
    return block;
}

void main()
{
    uint columns = (call.width + 3u) / 4u, rows = (call.height + 3u) / 4u;
    uint index = (gl_WorkGroupID.y * 65535u + gl_WorkGroupID.x) * 64u + gl_LocalInvocationIndex;
    if (index >= columns * rows)
        return;
    uvec2 corner = 4u * uvec2(index % columns, index / columns), last = uvec2(call.width, call.height) - 1u;
    [[dont_unroll]]
    for (uint i = 0u; i < 16u; i++) {
        uvec2 texel = min(corner + uvec2(i & 3u, i >> 2u), last);
        uint packed = texels[call.first_texel + texel.y * call.width + texel.x];
        texels_of_block[i] = round(255.0 * unpackUnorm4x8(packed));
    }
    blocks[call.first_block + index] = block_of(best_candidate());
}
