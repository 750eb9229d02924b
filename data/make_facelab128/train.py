"""Train facelab128: `python data/make_facelab128/train.py TRAINING_MATERIAL --out RUN --hours 8`.

The same command goes on where an earlier stretch, or a kill, left off.
"""

from __future__ import annotations

import argparse
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from averaging import averaged
from checkpoint import FILE, load, save
from crops import read_crops, split
from evaluate import agreement
from log import Log, Row
from losses import loss_of
from optimiser import Optimisers
from schedule import done_at, rate_at, rows_at, size_at, steps_in_a_pass, total_steps
from settings import Settings, add_arguments, agreed, chosen
from student import new_student, precision_on
from teacher import CHECKPOINT, Answers, ask, load_teacher
from tqdm import tqdm
from views import aligned_views, make_views, roll_dice

from facelab.devices import checked_device


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with crops.csv, the packs, and the teacher")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: checkpoint, log.csv, log.png")
    parser.add_argument("--hours", type=float, default=8.0, help="of this stretch; the schedule is --passes or --clock")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--init", type=Path, help="weights to start from, in any file that facelab reads")
    parser.add_argument("--report", type=int, default=16_384, help="images between two rows of the log")
    parser.add_argument("--save-minutes", type=float, default=10.0, help="between two checkpoints")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        run = Run(options)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    run.train(60 * 60 * options.hours)


class Run:
    """A run, new or resumed: what is trained, what it learns from, and how far it is.

    Parameters
    ----------
    options : argparse.Namespace
        Of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.out, self.report, self.save_every = options.out, options.report, 60 * options.save_minutes
        self.device = checked_device(options.device)
        saved = load(self.out, self.device) if (self.out / FILE).is_file() else None
        self.settings = agreed(saved["settings"], chosen(options)) if saved else Settings(**chosen(options))
        self.precision = precision_on(self.device, self.settings.precision)
        self.settings = replace(self.settings, precision=str(self.precision).removeprefix("torch."))
        torch.manual_seed(self.settings.seed)
        torch.backends.cudnn.benchmark = True

        self.student = new_student(self.device, self.precision, None if saved else options.init).train()
        crops = read_crops(options.data)
        self.crops = crops.to(self.device)
        self.train_rows, held_out = split(len(crops), self.settings.held_out)
        self.held_out = held_out.to(self.device)
        self.mirrored = saved["mirrored"] if saved else None
        self.answers = self._answers(options.data)

        in_a_pass = steps_in_a_pass(len(self.train_rows), self.settings)
        self.average = averaged(self.student, in_a_pass, self.settings)
        self.optimiser = Optimisers(self.student, self.settings)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        self.step, self.seconds = 0, 0.0
        if saved:
            self.step, self.seconds = saved["step"], saved["seconds"]
            for name in ("student", "average", "optimiser", "scaler"):
                getattr(self, name).load_state_dict(saved[name])
        self.out.mkdir(parents=True, exist_ok=True)
        self.log = Log(self.out, self.step)

    def _answers(self, data: Path) -> Answers:
        """Prepare the teacher. A new run asks it once about all clean crops, mirrored; the checkpoint keeps this."""
        network = load_teacher(data / CHECKPOINT, self.device)
        if self.mirrored is not None and len(self.mirrored) != len(self.crops):
            raise ValueError(
                f"This run was started on {len(self.mirrored)} crops, but {data} has {len(self.crops)}: give the same "
                "training material, or start another run with another --out."
            )
        if self.settings.mirror and self.mirrored is None:
            rows = torch.arange(len(self.crops), device=self.device)
            with tqdm(total=len(rows), desc="teacher, mirrored crops", unit="crop", leave=False) as bar:
                answers = []
                for part in rows.split(32):
                    answers.append(ask(network, aligned_views(self.crops, part).flip(3), self.precision))
                    bar.update(len(part))
            self.mirrored = torch.cat(answers)
        return Answers(network, self.crops.answers, self.mirrored, self.precision)

    def train(self, seconds: float) -> None:
        """Train until the schedule's end, or for so many seconds, or until asked to stop; then save."""
        batch, by_clock = self.settings.batch, self.settings.clock > 0
        total = None if by_clock else batch * total_steps(len(self.train_rows), self.settings)
        saved_at = reported_at = time.monotonic()
        began = saved_at - self.seconds
        since, sums = 0, torch.zeros(3, device=self.device)
        bar = tqdm(total=total, initial=self.step * batch, unit="img", unit_scale=True, smoothing=0.02)
        with bar, Stop(seconds) as stop:
            while self.done < 1 and not stop:
                sums += self.one_step()
                since += 1
                self.seconds = time.monotonic() - began
                bar.update(batch)
                if self.step % max(1, self.report // batch) == 0 or self.done == 1:
                    loss = (sums / since).tolist()  # waits for the device
                    row = self._row(loss, since * batch / (time.monotonic() - reported_at))
                    self.log.add(row)
                    bar.set_postfix(loss=f"{row.loss:.3f}", cosine=f"{row.cosine:.4f}", size=row.size)
                    sums, since, reported_at = torch.zeros_like(sums), 0, time.monotonic()
                if time.monotonic() - saved_at > self.save_every:
                    self.save()
                    saved_at = time.monotonic()
        self.save()
        print(f"{self.step} steps, {self.done:.1%} of the schedule, {self.seconds / 3600:.2f} hours in all: {self.out}")

    @property
    def done(self) -> float:
        """The share of the schedule that is done, 0 to 1."""
        return done_at(self.step, self.seconds, len(self.train_rows), self.settings)

    def one_step(self) -> torch.Tensor:
        """Do the next step; give the loss and its two parts, (3,) on the device."""
        settings, count = self.settings, len(self.train_rows)
        rows = rows_at(self.step, self.train_rows, settings).to(self.device, non_blocking=True)
        dice = roll_dice(settings.seed, self.step, settings.batch).to(self.device, non_blocking=True)
        views = make_views(self.crops, rows, dice, settings, size_at(self.done, settings))
        targets = self.answers.clean[rows]
        if len(views.teacher):
            targets = torch.cat([self.answers.of(views.teacher), targets[len(views.teacher) :]])
        loss = loss_of(self.student(views.student), targets, settings)
        self.optimiser.zero_grad()
        self.scaler.scale(loss.total).backward()
        self.optimiser.step(rate_at(self.step, self.done, count, settings), self.scaler)
        self.average.update_parameters(self.student)
        self.step += 1
        return torch.stack([loss.total, loss.vector, loss.relation]).detach()

    def save(self) -> None:
        """Write the checkpoint, unless training has failed: then the last good one stays."""
        if not all(value.isfinite().all() for value in self.student.parameters()):
            raise FloatingPointError(
                f"After step {self.step} weights are no longer finite numbers: "
                "start another run with a lower --rate or --precision float32."
            )
        parts = ("student", "average", "optimiser", "scaler")
        states = {name: getattr(self, name).state_dict() for name in parts}
        states |= {"mirrored": self.mirrored, "seconds": self.seconds}
        save(self.out, {"settings": asdict(self.settings), "step": self.step, **states})

    def _row(self, loss: list[float], speed: float) -> Row:
        last, count = self.step - 1, len(self.train_rows)
        done = done_at(last, self.seconds, count, self.settings)
        size = size_at(done, self.settings)
        found = agreement(self.average.module, self.crops, self.held_out, self.answers.clean, size)
        passes = self.step / steps_in_a_pass(count, self.settings)
        rate = rate_at(last, done, count, self.settings)
        seen = self.step * self.settings.batch
        hours = self.seconds / 3600
        return Row(self.step, seen, passes, hours, size, rate, *loss, found.cosine, found.correlation, speed)


class Stop:
    """True when so many seconds are over, or when the process was asked to end: `kill PID`, or Ctrl-C."""

    def __init__(self, seconds: float) -> None:
        self.end, self.asked = time.monotonic() + seconds, False

    def __enter__(self) -> Stop:
        self.handlers = {name: signal.signal(name, self._ask) for name in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for name, handler in self.handlers.items():
            signal.signal(name, handler)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def __bool__(self) -> bool:
        return self.asked or time.monotonic() > self.end


if __name__ == "__main__":
    main()
