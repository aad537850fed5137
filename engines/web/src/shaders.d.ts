/** shaders/generated/ntc_decode.wgsl: the compute entry that `GpuDecoder` runs. */
export declare const decodeShader: string;
/** shaders/generated/ntc.wgsl: `ntc_sample` and its relatives, to be put before other WGSL. */
export declare const sampleShader: string;
