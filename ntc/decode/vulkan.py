"""The decoder on a GPU, through Vulkan: the integers of the reference, from a committed shader."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.decode import words
from ntc.decode.decoder import Array, Coordinates
from ntc.decode.gpu import jobs
from ntc.decode.gpu.commands import Commands
from ntc.decode.gpu.device import Device
from ntc.decode.gpu.jobs import Job
from ntc.decode.gpu.memory import Buffer, Growing, Place
from ntc.decode.gpu.pipeline import Bound, Pipeline
from ntc.decode.gpu.store import MaterialStore
from ntc.decode.region import Rect
from ntc.errors import RuntimeFailure
from ntc.format.model import QuantizedModel

BAND_BYTES: Final = 32 << 20  # of the output decoded in one submission; two are in flight
_ALIGNMENT: Final = 256  # bytes: no device asks more of the place where something bound begins


@dataclass(frozen=True, eq=False)
class DeviceArray:
    """A result left on the GPU: texels at whole words, as the shader wrote them.

    They are `nbytes` of `buffer.handle`, a VkBuffer on `decoder.device`, from byte `offset` on. The
    arrays of one call share the buffer: `buffer.close()` frees them all.
    """

    decoder: VulkanDecoder
    buffer: Buffer
    offset: int
    job: Job

    @property
    def nbytes(self) -> int:
        """Bytes, with those that fill up words."""
        return self.job.nbytes

    def read(self) -> Array:
        """A copy for the host, in the shape of the job."""
        return self.job.unpacked(self.decoder.read(self.buffer, self.offset, self.nbytes))


class VulkanDecoder:
    """Decodes on the Vulkan device of this index; None takes the best one.

    Memory is taken when it is first needed. On the device: the words of the materials decoded last,
    256 MiB or what one call needs if that is more (`MaterialStore`), and twice 32 MiB of output. On
    the host: twice 32 MiB to read through, twice 16 MiB of positions, 16 MiB for uploads. A batch
    takes its results and its positions beside that.

    Use it in a `with`, or `close` it; for one thread at a time. dtypes are those of `Decoder` and
    float16. What fails on the device raises RuntimeFailure.
    """

    def __init__(self, index: int | None = None) -> None:
        """Raises RuntimeFailure without a device that can, UsageError if none has this index."""
        self.device = Device(index)
        self.seconds: float | None = None  # that the GPU worked for the last call; None: untold
        try:
            pipeline = _make_pipeline(self.device)
            self._store = MaterialStore(self.device)
            self._slots = _Slot(pipeline), _Slot(pipeline)
        except BaseException:
            self.device.close()
            raise

    def __enter__(self) -> VulkanDecoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Destroys all that is on the device, results left there as well."""
        self.device.close()

    @property
    def name(self) -> str:
        """Which decoder it is, and on what it runs."""
        return f"vulkan, {self.device.info.name}"

    def decode(
        self,
        model: QuantizedModel,
        mip: int = 0,
        rect: Rect | None = None,
        *,
        channels: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.uint16,
    ) -> Array:
        """As `Decoder.decode`."""
        return self._decode(jobs.rectangle(model, mip, rect, channels=channels, dtype=dtype))

    def decode_texels(
        self,
        model: QuantizedModel,
        mip: int,
        x: Coordinates,
        y: Coordinates,
        *,
        channels: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.uint16,
    ) -> Array:
        """As `Decoder.decode_texels`."""
        return self._decode(jobs.texels(model, mip, x, y, channels=channels, dtype=dtype))

    def decode_samples(
        self,
        model: QuantizedModel,
        u24: Coordinates,
        v24: Coordinates,
        lod8: Coordinates,
        *,
        channels: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.uint16,
    ) -> Array:
        """`[n, channels]` at positions in 1/2^24 of the material and lods in eighths of a mip.

        Section 8.9 of docs/format.md. Raises UsageError as the other two do.
        """
        return self._decode(jobs.samples(model, u24, v24, lod8, channels=channels, dtype=dtype))

    def decode_many(self, todo: Sequence[Job]) -> list[Array]:
        """The result of each job, of any materials, from one submission."""
        arrays = self.decode_in_place(todo)
        if not arrays:
            return []
        buffer = arrays[0].buffer
        try:
            output = self.read(buffer, 0, buffer.size)
            return [a.job.unpacked(output[a.offset : a.offset + a.nbytes]) for a in arrays]
        finally:
            buffer.close()

    def decode_in_place(self, todo: Sequence[Job]) -> list[DeviceArray]:
        """As `decode_many`, but results stay on the GPU, in memory of their own.

        Raises RuntimeFailure if they take more than the device can write at once.
        """
        if not todo:
            return []
        sizes = [-(-job.nbytes // _ALIGNMENT) * _ALIGNMENT for job in todo]
        total, most = max(sum(sizes), _ALIGNMENT), int(self.device.limits.maxStorageBufferRange)
        if total > most:
            raise RuntimeFailure(
                f"{self.device.info.name}: writes at most {most} bytes at once "
                f"(maxStorageBufferRange), {total} are asked for; ask for fewer texels"
            )
        with self._working(todo):
            output = Buffer(self.device, total)
            offsets = np.cumsum([0, *sizes[:-1]]).tolist()
            slot = self._slots[0]
            slot.decode(self._store, todo, output, offsets)
            slot.commands.submit()
            self._finish(slot)
        return [DeviceArray(self, output, o, j) for o, j in zip(offsets, todo, strict=True)]

    def read(self, buffer: Buffer, offset: int, size: int) -> npt.NDArray[np.uint8]:
        """`[size]` bytes of a buffer from byte `offset` on."""
        out, slot = np.empty(size, np.uint8), self._slots[0]
        with self._working():
            for first in range(0, size, BAND_BYTES):
                count = min(BAND_BYTES, size - first)
                slot.commands.begin()
                slot.fetch(buffer, offset + first, count)
                slot.commands.submit()
                slot.commands.wait()
                out[first : first + count] = slot.fetched(count)
        return out

    def _decode(self, job: Job) -> Array:
        """In bands: while one is decoded, the one before it is copied out."""
        out = np.empty(job.shape, job.dtype)
        with self._working([job]):
            waiting: deque[tuple[_Slot, slice, Job]] = deque()
            for slot, (rows, band) in zip(cycle(self._slots), job.bands(BAND_BYTES), strict=False):
                if len(waiting) == len(self._slots):
                    self._collect(out, *waiting.popleft())
                output = slot.output.at_least(band.nbytes)
                slot.decode(self._store, [band], output, [0])
                slot.fetch(output, 0, band.nbytes)
                slot.commands.submit()
                waiting.append((slot, rows, band))
            while waiting:
                self._collect(out, *waiting.popleft())
        return out

    def _collect(self, out: Array, slot: _Slot, rows: slice, band: Job) -> None:
        self._finish(slot)
        out[rows] = band.unpacked(slot.fetched(band.nbytes))

    def _finish(self, slot: _Slot) -> None:
        slot.commands.wait()
        taken = slot.commands.seconds
        self.seconds = None if taken is None else (self.seconds or 0.0) + taken

    @contextmanager
    def _working(self, todo: Sequence[Job] = ()) -> Iterator[None]:
        """Nothing is in flight afterwards, whatever went wrong in between."""
        if todo:
            self.seconds = None
        about = ", ".join(dict.fromkeys(job.label for job in todo if job.label))
        with self.device.failures(about):
            try:
                yield
            finally:
                if any(slot.commands.busy for slot in self._slots):
                    self.device.vk.vkDeviceWaitIdle(self.device.handle)
                for slot in self._slots:
                    slot.commands.busy = False


class _Slot:
    """What one submission takes; there are two, so that one can be read while the other works."""

    def __init__(self, pipeline: Pipeline) -> None:
        device = pipeline.device
        self.commands = Commands(device)
        self.output = Growing(device, Place.DEVICE)
        self._bound = Bound(pipeline)
        self._jobs = Growing(device, Place.WRITTEN)
        self._points = Growing(device, Place.WRITTEN)
        self._staging = Growing(device, Place.READ)

    def decode(
        self, store: MaterialStore, todo: Sequence[Job], output: Buffer, offsets: Sequence[int]
    ) -> None:
        """Begins a list of commands that decodes each job to its byte offset in `output`."""
        places = store.place([job.model for job in todo])
        job_words = self._jobs.at_least(_ALIGNMENT * len(todo))
        points, starts = self._place_points(todo)
        for i, (job, place) in enumerate(zip(todo, places, strict=True)):
            packed = job.words(*place, offsets[i] // 4, starts[i]).view(np.uint8)
            job_words.mapped[_ALIGNMENT * i :][: packed.size] = packed
        self._bound.buffer(0, store.buffer)
        self._bound.buffer(1, job_words, 4 * words.JOB_WORDS)
        self._bound.buffer(2, points)
        self._bound.buffer(3, output)
        self.commands.begin()
        self.commands.timestamp(0)
        for i, job in enumerate(todo):
            groups = -(-job.texels // words.GROUP_THREADS)
            self.commands.dispatch(self._bound, groups, [_ALIGNMENT * i])
        self.commands.timestamp(1)

    def fetch(self, source: Buffer, offset: int, size: int) -> None:
        """Adds the copy of these bytes to where `fetched` finds them."""
        self.commands.barrier()
        self.commands.copy(source, self._staging.at_least(size), size, source_at=offset)

    def fetched(self, size: int) -> npt.NDArray[np.uint8]:
        """`[size]` bytes that the last `fetch` copied: a view, true until the next one."""
        return self._staging.at_least(size).mapped[:size]

    def _place_points(self, todo: Sequence[Job]) -> tuple[Buffer, list[int]]:
        """The positions of all lists in one buffer, and the word where those of each job start."""
        lists = [job.points for job in todo if job.points is not None]
        buffer, at = self._points.at_least(4 * sum(points.size for points in lists)), 0
        target, starts = buffer.mapped.view(np.uint32), []
        for job in todo:
            starts.append(at)
            if job.points is not None:
                target[at : at + job.points.size] = job.points.ravel()
                at += job.points.size
        return buffer, starts


def _make_pipeline(device: Device) -> Pipeline:
    vk = device.vk
    buffer = vk.VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
    dynamic = vk.VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC
    return Pipeline(device, words.DECODE_ENTRY, (buffer, dynamic, buffer, buffer))
