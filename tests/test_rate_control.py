"""Targets of size and quality: what they lead to, what is refused, what is said where they miss."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Commands
from material_files import put
from small_materials import make_bricks, waves

import ntc
from ntc.compression import Fits
from ntc.control import rounds
from ntc.control.forecast import coded, forecast, transform
from ntc.control.rounds import Outcome, Trial, cost, reach_quality, reach_size
from ntc.control.targets import WHOLE, in_force, terms
from ntc.fit.problem import Progress
from ntc.format.metadata import Quality

TEXELS = 1 << 20


@pytest.fixture(scope="module")
def stone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clouds of four sizes, as a colour and a normal map."""
    folder = tmp_path_factory.mktemp("stone") / "stone"
    rng = np.random.default_rng(0)
    for name in ("albedo", "normal_gl"):
        image = sum(clouds(rng, cells) * 4 / cells for cells in (4, 8, 16, 64))
        put(folder / f"stone_{name}.png", np.rint(128 + 70 * image).clip(0, 255).astype(np.uint8))
    return folder


def clouds(rng: np.random.Generator, cells: int) -> np.ndarray:
    """`[160, 160, 3]` noise of so many cells a side, smooth between them."""
    values = rng.uniform(-1, 1, (cells, cells, 3))
    place = np.arange(160) * cells / 160
    first = place.astype(int)
    part = 0.5 - 0.5 * np.cos(np.pi * (place - first))[:, None]
    for _ in range(2):
        rows = values.reshape(cells, -1)
        rows = rows[first] * (1 - part) + rows[(first + 1) % cells] * part
        values = rows.reshape(160, -1, 3).swapaxes(0, 1)
    return values


def settings(**asked: Any) -> ntc.Settings:
    return ntc.Settings(**({"texels": TEXELS, "threads": 1, "encoding": "grid"} | asked))


def quality(material: Any) -> Quality:
    return material.file.metadata.quality  # type: ignore[no-any-return]


def spent(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Texels of each fit from now on, in those of a whole one."""
    costs: list[float] = []
    fit = Fits.__call__

    def counted(self: Fits, trial: Trial) -> Outcome:
        costs.append(cost(trial))
        return fit(self, trial)

    monkeypatch.setattr(Fits, "__call__", counted)
    return costs


@pytest.mark.parametrize("most", [14_000, 20_000])
def test_a_size_is_filled_and_never_exceeded(
    stone: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = spent(monkeypatch)
    material = ntc.compress(stone, settings(max_size=most))
    assert 0.98 * most <= len(material.data) <= most
    assert material.file.metadata.fit.settings["max_size"] == most
    assert material.file.metadata.fit.settings["budget"] == "file"
    assert sum(costs) <= 2


def test_a_size_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    folder = make_bricks(tmp_path / "b")
    with pytest.raises(ntc.UsageError, match=r"b: max-size 300 bytes: the smallest .* \d+; allow"):
        ntc.compress(folder, settings(max_size=300, texels=1 << 14))


@pytest.mark.parametrize("size", [1_500, 2_500, 1 << 30])
def test_small_files_keep_within_a_size_too(tmp_path: Path, size: int) -> None:
    """They have too few bits to be steered."""
    folder = make_bricks(tmp_path / "b", 64, 48)
    assert len(ntc.compress(folder, settings(max_size=size, texels=1 << 14)).data) <= size


@pytest.mark.parametrize("psnr", [36.0, 38.0])
def test_a_psnr_is_reached(stone: Path, psnr: float, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = spent(monkeypatch)
    heard: list[str] = []
    asked = settings(target_psnr=psnr)
    material = ntc.compress(stone, asked, on_warning=heard.append)
    assert quality(material).psnr == pytest.approx(psnr, abs=0.1)
    assert material.file.metadata.fit.settings["target_psnr"] == psnr
    assert not heard
    assert sum(costs) < 2.61
    assert ntc.compress(stone, asked).data == material.data


def test_floors_are_held_by_the_maps_that_they_name(stone: Path) -> None:
    plain = ntc.compress(stone, settings(target_psnr=36.0))
    floor = (quality(plain).maps["normal"] or 0) + 1.5
    raised = ntc.compress(stone, settings(target_psnr=36.0, floors={"NORMAL": floor}))
    assert quality(raised).maps["normal"] == pytest.approx(floor, abs=0.25)
    assert (quality(raised).psnr or 0) >= 35.9
    assert len(raised.data) > len(plain.data)
    assert raised.file.metadata.fit.settings["target_psnr.NORMAL"] == floor


def test_what_cannot_be_reached_is_said_once(stone: Path) -> None:
    for psnr, words in ((70.0, "more texels"), (6.0, "fewer bits did not")):
        heard: list[str] = []
        material = ntc.compress(
            stone, settings(target_psnr=psnr, texels=1 << 17), on_warning=heard.append
        )
        (message,) = [text for text in heard if "asked for" in text]
        assert message.startswith(f"{psnr:.2f} dB was asked for, {quality(material).psnr:.2f} dB")
        assert words in message
        assert message in material.warnings


def test_weights_move_quality_between_maps(stone: Path) -> None:
    asked = settings(bpp=6.0, texels=1 << 19)
    maps = [
        quality(ntc.compress(stone, replace(asked, budget=budget, weights=weights))).maps
        for budget in ("memory", "file")
        for weights in ({}, {"normal": 8.0})
    ]
    for even, uneven in (maps[:2], maps[2:]):
        assert (uneven["normal"] or 0) > (even["normal"] or 0)
        assert (uneven["albedo"] or 0) < (even["albedo"] or 0) - 1


def test_higher_quality_costs_more(stone: Path) -> None:
    fitted = [ntc.compress(stone, settings(quality=q, texels=1 << 18)) for q in (10, 40, 70)]
    sizes = [len(material.data) for material in fitted]
    psnr = [quality(material).psnr or 0 for material in fitted]
    assert sizes == sorted(sizes)
    assert psnr == sorted(psnr)
    assert sizes[2] > 1.5 * sizes[0]


def test_quality_comes_as_close_as_bc7(stone: Path) -> None:
    material = ntc.compress(stone, settings(match="bc7", texels=1 << 18))
    assert material.file.metadata.fit.settings["match"] == "bc7"


def test_a_material_of_constants_meets_all_targets(tmp_path: Path) -> None:
    put(tmp_path / "c" / "c_albedo.png", np.full((32, 32, 3), 9, np.uint8))
    for asked in ({"target_psnr": 50.0}, {"quality": 50.0}, {"max_size": 5000}):
        material = ntc.compress(tmp_path / "c", settings(**asked))
        assert quality(material).psnr is None
        assert not material.warnings


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"bpp": 3.0, "quality": 50.0}, "bpp and quality: ask for one"),
        ({"max_size": 9, "match": "bc7"}, "max_size and match"),
        ({"floors": {"a": 40.0}, "quality": 1.0}, "target_psnr and quality"),
        ({"quality": 101.0}, "quality 101"),
        ({"quality": math.nan}, "quality nan"),
        ({"max_size": -1}, "max_size -1"),
        ({"match": "bc9"}, "use bc7"),
        ({"target_psnr": math.inf}, "target_psnr inf: use 5 to 100"),
        ({"floors": {"normal": 0.0}}, "of `normal`"),
        ({"weights": {"normal": 0.0}}, "weight 0 of `normal`"),
        ({"weights": {"normal": math.nan}}, "weight nan"),
        ({"max_size": 9, "keep": 0.5}, "not pruned"),
    ],
)
def test_settings_that_contradict_each_other(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ntc.UsageError, match=words):
        settings(**asked)


@pytest.mark.parametrize("asked", [{"weights": {"nrml": 2.0}}, {"floors": {"nrml": 40.0}}])
def test_maps_that_do_not_exist_are_named(stone: Path, asked: dict[str, Any]) -> None:
    with pytest.raises(ntc.UsageError, match=r"nrml: no such map; .*albedo \(albedo\), normal"):
        ntc.compress(stone, settings(**asked))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--bpp", 3, "--max-size", "2MB"], "bpp and max_size"),
        (["--target-psnr", "x"], "--target-psnr x"),
        (["--target-psnr", 40, "--target-psnr", 41], "40 and 41"),
        (["--target-psnr", "normal=x"], "normal=x"),
        (["--weight", "2"], "--weight 2: use NAME=NUMBER"),
        (["--weight", "n=2", "--weight", "n=3"], "each map once"),
        (["--max-size", "0"], "--max-size 0"),
        (["--max-size", "many"], "--max-size many"),
        (["--match", "jpeg"], "jpeg"),
    ],
)
def test_the_command_line_refuses(
    commands: Commands, stone: Path, arguments: Sequence[Any], word: str
) -> None:
    ended = commands("compress", stone, *arguments)
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert word in ended.err


def test_the_command_line_passes_targets_on(
    commands: Commands, stone: Path, tmp_path: Path
) -> None:
    target = tmp_path / "s.ntc"
    quick = ("--texels", 1 << 16, "--threads", 1, "-o", target, "--on-existing", "overwrite")
    asked = ("--target-psnr", 20, "--target-psnr", "normal=21", "--weight", "albedo=2")
    assert commands("compress", stone, *quick, *asked).code == 0
    shown = commands("info", target).out
    assert "target_psnr 20.0, target_psnr.normal 21.0, weight.albedo 2.0" in shown
    said = json.loads(commands("info", target, "--json").out)["fit"]["settings"]
    assert said["target_psnr"] == 20
    assert commands("compress", stone, *quick, "--max-size", "20 kB").code == 0
    assert target.stat().st_size <= 20_000


def test_progress_never_says_more_than_all(stone: Path) -> None:
    seen: list[Progress] = []
    ntc.compress(stone, settings(target_psnr=36.0, texels=1 << 18), on_progress=seen.append)
    texels = [progress.texels for progress in seen]
    assert texels == sorted(texels)
    assert all(progress.texels <= progress.total for progress in seen)
    assert seen[-1].texels == seen[-1].total


# Searches, on curves that are known.


class Curve:
    """Fits whose PSNR falls by `gain` dB with each dB of a price, and by what restarts lose."""

    def __init__(self, gain: float, start: float, lost: float = 0.3) -> None:
        self.gain = gain
        self.start = start
        self.lost = lost
        self.trials: list[Trial] = []

    def __call__(self, trial: Trial) -> Any:
        self.trials.append(trial)
        price = 10 * math.log10(trial.price)
        psnr = self.start - self.gain * (price + 40)
        if trial.begin is not None:
            before: Any = trial.begin
            moved = price - 10 * math.log10(before.trial.price)
            psnr = before.psnr - self.lost - 0.4 * self.gain * moved
        return Fake(trial, psnr)


class Fake:
    """An outcome without a fit."""

    def __init__(self, trial: Trial, psnr: float) -> None:
        self.trial, self.psnr = trial, psnr
        self.size = round(1000 * 2 ** (psnr / 6))
        self.material: Any = self
        self.file: Any = self
        self.metadata: Any = self
        self.quality = Quality(psnr=psnr, maps={})
        self.bpp = self.size / 10_000
        self.plan: Any = type("Plan", (), {"bits": 1})


@pytest.mark.parametrize("gain", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("start", [36.0, 37.5, 38.0, 38.4, 40.0])
def test_a_search_for_quality_ends_close(gain: float, start: float) -> None:
    run: Callable[[Trial], Any] = Curve(gain, start)
    found: Any = reach_quality({WHOLE: 38.0}, {WHOLE: 40.0}, Trial(2.0), run)
    assert 38.0 <= found.psnr <= 38.12
    assert sum(map(cost, run.trials)) < 2.61  # type: ignore[attr-defined]


@pytest.mark.parametrize("start", [34.0, 42.0])
def test_all_is_fitted_again_nearer_to_the_target(start: float) -> None:
    run: Any = Curve(0.4, start)
    reach_quality({WHOLE: 38.0}, {WHOLE: 40.0}, Trial(2.0), run)
    first, second, *corrections = run.trials
    assert second.begin is None
    assert (second.price > first.price) == (start > 38)
    assert corrections
    assert all(trial.begin is not None for trial in corrections)


def test_terms_weigh_demands() -> None:
    both = terms({WHOLE: 30.0, "a": 33.0, "b": 27.0})
    assert both.price == pytest.approx(1e-3)
    assert both.weights == {"a": pytest.approx(2.0, rel=0.01)}
    assert in_force({WHOLE: 30.0, "a": 33.0, "b": 27.0}) == {WHOLE: 30.0, "a": 33.0, "b": 30.0}
    assert terms({"a": 33.0, "b": 30.0}).weights == {"a": pytest.approx(2.0, rel=0.01)}


def test_a_search_for_a_size_keeps_below() -> None:
    class Sized(Fake):
        def __init__(self, trial: Trial) -> None:
            super().__init__(trial, 30.0)
            self.data = bytes(round(trial.bpp * 1000 + 70))
            self.size: Any = (100, 80)

    found, smallest = reach_size(3000, Trial(3.0), lambda trial: outcome(Sized(trial)))
    assert found is not None
    assert 0.98 * 3000 <= len(found.material.data) <= 3000
    assert smallest <= 3000


def outcome(fake: Any) -> Outcome:
    return Outcome(fake.trial, fake.plan, fake, fake)


# The forecast.


def test_noise_costs_what_theory_says() -> None:
    """At high rates 6.02 dB a bit and channel; rounding without memory is 0.25 bits behind."""
    noise = np.random.default_rng(0).normal(32768, 4000, (512, 512, 2))
    curve = forecast(np.rint(noise).astype(np.uint16))
    variance = (4000 / 65535) ** 2
    for bits in (4.0, 8.0):
        error = curve.at_bits(bits).error
        assert 10 * math.log10(variance / error) == pytest.approx(6.02 * (bits / 2 - 0.25), abs=0.4)
    place = curve.at_bits(6.0)
    assert curve.at_error(place.error).bits == pytest.approx(6.0, rel=0.01)
    assert curve.at_price(place.price).bits == pytest.approx(6.0, rel=0.05)
    # The derivative of error = variance * 2^-bits: two channels share the bits.
    assert place.price == pytest.approx(math.log(2) * place.error, rel=0.25)


def test_smooth_images_need_fewer_bits_and_constants_none() -> None:
    smooth = forecast(waves(70, 45, 3, 65535)).at_error(1e-4).bits
    rough = forecast(np.random.default_rng(0).integers(0, 65536, (45, 70, 3), np.uint16))
    assert smooth < 0.5 * rough.at_error(1e-4).bits
    constant = forecast(np.full((20, 20, 3), 7, np.uint16))
    assert constant.at_error(1e-4).bits < 1e-3
    assert math.isfinite(constant.at_bits(1.0).price)


def test_a_transform_keeps_errors() -> None:
    image = np.random.default_rng(0).integers(0, 65536, (16, 24, 3), np.uint16)
    coefficients = transform(image, range(3))
    assert transform(image, [1]).shape == (6, 64)
    assert coefficients.shape == (6, 64 * 3)
    exact = (image / 65535.0) ** 2
    assert np.sum(coefficients.astype(float) ** 2) == pytest.approx(exact.sum(), rel=1e-4)
    error, bits = coded(coefficients, 0.5)
    assert error < 0.5**2
    assert bits > 0


def test_corrections_are_shorter() -> None:
    first = Trial(2.0)
    assert cost(first) == 1
    assert cost(replace(first, begin=Fake(first, 1.0))) == rounds.CORRECTION  # type: ignore[arg-type]
