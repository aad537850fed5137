"""Decodes words that no file could hold, past all checks, and sees that nothing else is touched.

For tests/test_vulkan.py, which runs it under the validation layers: they may say nothing.
"""

import sys

import numpy as np
from models import random_model

from ntc.decode import words
from ntc.decode.gpu import jobs
from ntc.decode.gpu.memory import Buffer, Place
from ntc.decode.gpu.store import MaterialStore
from ntc.decode.vulkan import VulkanDecoder
from ntc.format.model import QuantizedModel

GUARD = 4096  # bytes on either side of an output
COUNT = 60


def main() -> None:
    with VulkanDecoder() as decoder:
        for seed in range(COUNT):
            check(decoder, seed)
    sys.stdout.write(f"{COUNT} hostile materials\n")


def check(decoder: VulkanDecoder, seed: int) -> None:
    """The output stays within its bounds, and is the same whatever lies beside the material."""
    model = random_model(seed)
    evil = hostile(words.pack(model), np.random.default_rng((seed, 3)))
    job = some_job(model, seed)
    found = [decode(decoder, job, evil, neighbour) for neighbour in (0, 0x5A5A5A5A, 0xFFFFFFFF)]
    assert (found[0] == found[1]).all(), seed
    assert (found[0] == found[2]).all(), seed


def hostile(good: words.Words, rng: np.random.Generator) -> words.Words:
    """Some of the words, or all, replaced; or most cut off."""
    evil = good.copy()
    extremes = np.array([0, 1, 2, 255, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, good.size], np.uint32)
    noise = rng.integers(0, 1 << 32, good.size, dtype=np.uint32)
    noise[::3] = rng.choice(extremes, noise[::3].size)
    directories = slice(words.HEADER_WORDS, words.HEADER_WORDS + words.LEVEL_WORDS * 16)
    match rng.integers(5):
        case 0:
            evil[:] = noise
        case 1:
            some = rng.random(good.size) < 0.02
            evil[some] = noise[some]
        case 2:
            evil[directories] = noise[directories]
        case 3:
            evil[: words.HEADER_WORDS] = noise[: words.HEADER_WORDS]
        case _:
            evil = evil[: words.ALIGNMENT * int(rng.integers(1, 8))]
    return evil


def some_job(model: QuantizedModel, seed: int) -> jobs.Job:
    rng = np.random.default_rng((seed, 4))
    if seed % 3 == 0:
        return jobs.rectangle(model)
    u, v = rng.integers(0, 1 << 24, (2, 100))
    return jobs.samples(model, u, v, 0 * u, dtype=np.float32)


class Planted(MaterialStore):
    """Places these words, whatever the model, between neighbours."""

    def __init__(self, decoder: VulkanDecoder, evil: words.Words, neighbour: int) -> None:
        super().__init__(decoder.device)
        self._make_room(evil.size + 2 * 1024)
        around = np.full(1024, neighbour, np.uint32)
        self._upload(np.concatenate([around, evil, around]))
        self.where = 1024, evil.size

    def place(self, models):
        return [self.where for _ in models]


def decode(decoder: VulkanDecoder, job: jobs.Job, evil: words.Words, neighbour: int):
    """The bytes of the job's output; what lies beside them is as it was."""
    slot, planted = decoder._slots[0], Planted(decoder, evil, neighbour)
    size = GUARD + -(-job.nbytes // 256) * 256 + GUARD
    rng = np.random.default_rng(1)
    before = rng.integers(0, 256, size, dtype=np.uint8)
    staging, output = Buffer(decoder.device, size, Place.WRITTEN), Buffer(decoder.device, size)
    staging.mapped[:] = before
    slot.commands.begin()
    slot.commands.copy(staging, output, size)
    slot.commands.submit()
    slot.commands.wait()
    slot.decode(planted, [job], output, [GUARD])
    slot.commands.submit()
    slot.commands.wait()
    after = decoder.read(output, 0, size)
    end = GUARD + job.nbytes
    assert (after[:GUARD] == before[:GUARD]).all()
    assert (after[end:] == before[end:]).all()
    for buffer in (staging, output, planted.buffer):
        buffer.close()
    return after[GUARD:end]


if __name__ == "__main__":
    sys.exit(main())
