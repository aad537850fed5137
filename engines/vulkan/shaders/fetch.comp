#version 450
// All texels of a mip of a texture, as four bytes each: what --save-maps looks at.
layout(local_size_x = 64) in;

layout(set = 0, binding = 2, std430) writeonly buffer Texels {
    uint texels[];
};
layout(set = 0, binding = 3) uniform sampler2D image;

layout(push_constant) uniform Call {
    uint mip;
} call;

void main()
{
    uint index = (gl_WorkGroupID.y * 65535u + gl_WorkGroupID.x) * 64u + gl_LocalInvocationIndex;
    uvec2 size = uvec2(textureSize(image, int(call.mip)));
    if (index < size.x * size.y)
        texels[index] = packUnorm4x8(texelFetch(image, ivec2(index % size.x, index / size.x), int(call.mip)));
}
