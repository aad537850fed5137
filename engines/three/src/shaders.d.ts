/** shaders/generated/ntc.essl: `ntc_sample` and its relatives in GLSL ES 3.00. */
export declare const webglShader: string;
