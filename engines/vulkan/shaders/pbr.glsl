// Light on a surface with base colour, metalness and roughness: appendix B of the specification of glTF 2.0,
// one directional light, and two colours of ambient light.

const float PI = 3.14159265;
const vec3 TO_LIGHT = vec3(0.48, 0.8, 0.36);  // of length 1
const vec3 LIGHT = vec3(3.0);
const vec3 SKY = vec3(0.55, 0.62, 0.75);
const vec3 GROUND = vec3(0.22, 0.2, 0.18);

struct Surface {
    vec3 base_color;  // linear, as all colours
    vec3 emitted;
    vec3 normal;
    float metallic;
    float roughness;
    float occlusion;  // 1: open
};

vec3 linear_of(vec3 encoded)
{
    vec3 curve = pow((encoded + 0.055) / 1.055, vec3(2.4));
    return mix(encoded / 12.92, curve, greaterThan(encoded, vec3(0.04045)));
}

vec3 encoded_of(vec3 linear)
{
    linear = clamp(linear, 0.0, 1.0);
    vec3 curve = 1.055 * pow(linear, vec3(1.0 / 2.4)) - 0.055;
    return mix(12.92 * linear, curve, greaterThan(linear, vec3(0.0031308)));
}

vec3 ambient_from(vec3 direction)
{
    return mix(GROUND, SKY, 0.5 * direction.y + 0.5);
}

// What leaves towards `view`.
vec3 shaded(Surface surface, vec3 view)
{
    vec3 n = surface.normal;
    vec3 halfway = normalize(TO_LIGHT + view);
    float nl = max(dot(n, TO_LIGHT), 0.0);
    float nv = max(dot(n, view), 1e-3);
    float nh = max(dot(n, halfway), 0.0);
    float vh = max(dot(view, halfway), 0.0);
    vec3 diffuse = surface.base_color * (1.0 - surface.metallic);
    vec3 f0 = mix(vec3(0.04), surface.base_color, surface.metallic);

    float alpha = max(surface.roughness * surface.roughness, 1e-3);
    float alpha2 = alpha * alpha;
    float peak = nh * nh * (alpha2 - 1.0) + 1.0;
    float distribution = alpha2 / (PI * peak * peak);
    float towards_light = nv * sqrt(nl * nl * (1.0 - alpha2) + alpha2);
    float towards_view = nl * sqrt(nv * nv * (1.0 - alpha2) + alpha2);
    float visibility = 0.5 / (towards_light + towards_view);
    vec3 fresnel = f0 + (1.0 - f0) * pow(1.0 - vh, 5.0);
    vec3 direct = ((1.0 - fresnel) * diffuse / PI + fresnel * distribution * visibility) * LIGHT * nl;

    vec3 edge = max(vec3(1.0 - surface.roughness), f0);
    vec3 reflected = f0 + (edge - f0) * pow(1.0 - nv, 5.0);
    vec3 ambient = diffuse * ambient_from(n) + reflected * ambient_from(reflect(-view, n));
    return direct + ambient * surface.occlusion + surface.emitted;
}
