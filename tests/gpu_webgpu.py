"""Runs the shader in WGSL through wgpu-py."""

from pathlib import Path

import numpy as np
import wgpu
from batches import JOB_STRIDE, Batch, Words

from ntc.decode import words

SHADER = Path(__file__).resolve().parents[1] / "shaders" / "generated" / "ntc_decode.wgsl"


class WebGpu:
    """The best adapter that there is. Raises RuntimeError if there is none, or only OpenGL."""

    def __init__(self) -> None:
        adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
        if adapter.info["backend_type"] == "OpenGL":
            raise RuntimeError(f"no driver but {adapter.summary}")
        self.name = f"wgpu, {adapter.summary}"
        self.device = adapter.request_device_sync()
        module = self.device.create_shader_module(code=SHADER.read_text("utf-8"))
        self.pipeline = self.device.create_compute_pipeline(
            layout="auto", compute={"module": module, "entry_point": words.DECODE_ENTRY}
        )

    def __call__(self, batch: Batch) -> Words:
        """The output after all jobs, `[words]`."""
        usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC
        buffers = [
            self.device.create_buffer_with_data(data=data, usage=usage)
            for data in (batch.words, batch.jobs, batch.points, batch.out)
        ]
        encoder = self.device.create_command_encoder()
        work = encoder.begin_compute_pass()
        work.set_pipeline(self.pipeline)
        for i, groups in enumerate(batch.groups):
            work.set_bind_group(0, self._bound(buffers, i))
            work.dispatch_workgroups(*groups)
        work.end()
        self.device.queue.submit([encoder.finish()])
        return np.frombuffer(self.device.queue.read_buffer(buffers[-1]), np.uint32)

    def _bound(self, buffers: list[wgpu.GPUBuffer], job: int) -> wgpu.GPUBindGroup:
        entries = [{"binding": i, "resource": {"buffer": b}} for i, b in enumerate(buffers)]
        entries[1]["resource"] |= {"offset": 4 * JOB_STRIDE * job, "size": 4 * words.JOB_WORDS}
        layout = self.pipeline.get_bind_group_layout(0)
        return self.device.create_bind_group(layout=layout, entries=entries)
