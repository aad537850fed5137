// Samples a material in Unity: a file for the Custom Function node of Shader Graph, or to include.
// `ntc.hlsl` is the copy of shaders/generated/ntc.hlsl beside it; NtcMaterial.Bind sets what it reads.
#ifndef NTC_UNITY_INCLUDED
#define NTC_UNITY_INCLUDED

#define NTC_REGISTER register(t31)  // Unity numbers its own from 0
#include "ntc.hlsl"

float4 NtcPick(NtcTexel texel, float4 outputs)
{
    float4 picked;
    for (int i = 0; i < 4; ++i)
        picked[i] = outputs[i] < 0.0 ? -1.0 - outputs[i] : ntc_channel(texel, uint(outputs[i] + 0.5));
    return picked;
}

// One decode for twelve outputs of the decoder by their numbers; -1 - x gives x. `Filter` is an NTC_FILTER_,
// `Random` three numbers from 0 up to 1 that change with pixels and frames. Colours are encoded as sRGB.
void NtcSample_float(float2 UV, float Count, float Filter, float3 Random, float4 ColorOutputs,
                     float4 NormalOutputs, float4 SurfaceOutputs, out float4 Color, out float4 Normal,
                     out float4 Surface)
{
    NtcMaterial material;
    material.first = 0;
    material.count = uint(Count + 0.5);
    float2 uv = float2(UV.x, 1.0 - UV.y);  // Unity has v = 0 at the bottom
    float lod = ntc_lod(material, ddx(uv), ddy(uv));
    NtcTexel texel = ntc_sample(material, uv, lod, uint(Filter + 0.5), Random);
    Color = NtcPick(texel, ColorOutputs);
    Normal = NtcPick(texel, NormalOutputs);
    Surface = NtcPick(texel, SurfaceOutputs);
}

#endif
