#version 450
#extension GL_GOOGLE_include_directive : require
#include "scene.glsl"

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 coordinates0;
layout(location = 3) in vec2 coordinates1;

layout(location = 0) out vec3 world_position;
layout(location = 1) out vec3 world_normal;
layout(location = 2) out vec4 coordinates;
layout(location = 3) flat out uint material;

void main()
{
    Draw draw = draws[gl_InstanceIndex];
    vec4 placed = draw.transform * vec4(position, 1.0);
    world_position = placed.xyz;
    world_normal = mat3(draw.normal_transform) * normal;
    coordinates = vec4(coordinates0, coordinates1);
    material = draw.material;
    gl_Position = frame.view_projection * placed;
}
