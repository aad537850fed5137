"""Commands: recorded, submitted and waited for, with the time that the GPU took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ntc.decode.gpu.device import Device
from ntc.decode.gpu.memory import Buffer
from ntc.decode.gpu.pipeline import Bound

GROUPS_IN_X: Final = 65535  # the least that Vulkan promises
_WAIT_NS: Final = 100_000_000  # after which Ctrl-C is heard


class Commands:
    """One list of commands, used again and again: `begin`, record, `submit`, `wait`."""

    def __init__(self, device: Device) -> None:
        vk = device.vk
        self.device = device
        self.busy = False
        with device.failures():
            create = vk.VkCommandPoolCreateInfo(queueFamilyIndex=device.family)
            self.pool = device.own(
                "CommandPool", vk.vkCreateCommandPool(device.handle, create, None)
            )
            wanted = vk.VkCommandBufferAllocateInfo(
                commandPool=self.pool,
                level=vk.VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                commandBufferCount=1,
            )
            self.handle = vk.vkAllocateCommandBuffers(device.handle, wanted)[0]
            fence = vk.vkCreateFence(device.handle, vk.VkFenceCreateInfo(), None)
            self.fence = device.own("Fence", fence)
            self.queries = self._make_queries() if device.has_timestamps else None

    def close(self) -> None:
        """Frees all; nothing may be in flight."""
        for handle in (self.pool, self.fence, self.queries):
            self.device.release(handle)

    def begin(self) -> None:
        """Starts a new list, after all that was submitted before it."""
        vk = self.device.vk
        vk.vkResetCommandPool(self.device.handle, self.pool, 0)
        once = vk.VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT
        vk.vkBeginCommandBuffer(self.handle, vk.VkCommandBufferBeginInfo(flags=once))
        if self.queries is not None:
            vk.vkCmdResetQueryPool(self.handle, self.queries, 0, 2)
        self.barrier()

    def barrier(self) -> None:
        """What comes after waits for, and sees, all that came before; so does the host."""
        vk = self.device.vk
        everything = vk.VK_ACCESS_MEMORY_READ_BIT | vk.VK_ACCESS_MEMORY_WRITE_BIT
        memory = vk.VkMemoryBarrier(srcAccessMask=everything, dstAccessMask=everything)
        stages = vk.VK_PIPELINE_STAGE_ALL_COMMANDS_BIT
        vk.vkCmdPipelineBarrier(
            self.handle,
            stages,
            stages | vk.VK_PIPELINE_STAGE_HOST_BIT,
            0,
            *(1, [memory]),
            *(0, None),
            *(0, None),
        )

    def timestamp(self, which: int) -> None:
        """Notes when all before it is done: 0 and then 1."""
        vk = self.device.vk
        if self.queries is not None:
            stage = vk.VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT
            vk.vkCmdWriteTimestamp(self.handle, stage, self.queries, which)

    def dispatch(self, bound: Bound, groups: int, offsets: Sequence[int] = ()) -> None:
        """`groups` workgroups, at most 65535 in x and the rest in y.

        `offsets` are those of the dynamic bindings, in bytes.
        """
        vk, compute = self.device.vk, self.device.vk.VK_PIPELINE_BIND_POINT_COMPUTE
        vk.vkCmdBindPipeline(self.handle, compute, bound.pipeline.handle)
        vk.vkCmdBindDescriptorSets(
            self.handle,
            compute,
            bound.pipeline.layout,
            0,
            *(1, [bound.handle]),
            *(len(offsets), list(offsets)),
        )
        x = min(groups, GROUPS_IN_X)
        vk.vkCmdDispatch(self.handle, x, -(-groups // GROUPS_IN_X), 1)

    def copy(
        self, source: Buffer, target: Buffer, size: int, source_at: int = 0, target_at: int = 0
    ) -> None:
        """Copies `size` bytes."""
        vk = self.device.vk
        region = vk.VkBufferCopy(srcOffset=source_at, dstOffset=target_at, size=size)
        vk.vkCmdCopyBuffer(self.handle, source.handle, target.handle, 1, [region])

    def submit(self) -> None:
        """Hands the list to the GPU."""
        vk = self.device.vk
        self.barrier()
        vk.vkEndCommandBuffer(self.handle)
        vk.vkResetFences(self.device.handle, 1, [self.fence])
        info = vk.VkSubmitInfo(commandBufferCount=1, pCommandBuffers=[self.handle])
        vk.vkQueueSubmit(self.device.queue, 1, [info], self.fence)
        self.busy = True

    def wait(self) -> None:
        """Returns when the GPU is done with what was submitted; Ctrl-C is heard meanwhile."""
        vk = self.device.vk
        while self.busy:
            try:
                vk.vkWaitForFences(self.device.handle, 1, [self.fence], True, _WAIT_NS)
                self.busy = False
            except vk.VkTimeout:
                continue

    @property
    def seconds(self) -> float | None:
        """Between the two timestamps, after `wait`; None where the queue has none."""
        if self.queries is None:
            return None
        vk, ticks = self.device.vk, np.zeros(2, np.uint64)
        flags = vk.VK_QUERY_RESULT_64_BIT | vk.VK_QUERY_RESULT_WAIT_BIT
        into = vk.ffi.from_buffer(ticks)
        vk.vkGetQueryPoolResults(
            self.device.handle, self.queries, 0, 2, ticks.nbytes, into, 8, flags
        )
        passed = (int(ticks[1]) - int(ticks[0])) & self.device.timestamp_mask
        return passed * float(self.device.limits.timestampPeriod) * 1e-9

    def _make_queries(self) -> Any:
        vk = self.device.vk
        create = vk.VkQueryPoolCreateInfo(queryType=vk.VK_QUERY_TYPE_TIMESTAMP, queryCount=2)
        return self.device.own("QueryPool", vk.vkCreateQueryPool(self.device.handle, create, None))
