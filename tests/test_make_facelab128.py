"""The code that trains facelab128, on tiny made-up packs; with the real ones only where FACELAB_TRAIN names them."""

import argparse
import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import tarfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from facenet_pytorch import InceptionResnetV1
from PIL import Image
from torch import nn

from facelab import FaceEmbedder
from facelab.fast import Pointwise

SOURCE = Path(__file__).resolve().parent.parent / "data" / "make_facelab128"
sys.path.insert(0, str(SOURCE))

import averaging  # noqa: E402
import checkpoint  # noqa: E402
import compare  # noqa: E402
import crops as crops_module  # noqa: E402
import export  # noqa: E402
import geometry  # noqa: E402
import log as log_module  # noqa: E402
import losses  # noqa: E402
import mixing  # noqa: E402
import optimiser  # noqa: E402
import schedule  # noqa: E402
import student as student_module  # noqa: E402
import teacher as teacher_module  # noqa: E402
import train  # noqa: E402
import views  # noqa: E402
from crops import Crops, read_crops, split  # noqa: E402
from settings import Settings, add_arguments, agreed, chosen  # noqa: E402

TRAIN = os.environ.get("FACELAB_TRAIN", "")
needs_material = pytest.mark.skipif(not Path(TRAIN, "crops.csv").is_file(), reason="FACELAB_TRAIN names no material")
CPU = torch.device("cpu")
SIDE, COUNT = 64, 24


@pytest.fixture(scope="module")
def some_teacher():
    torch.manual_seed(0)
    return teacher_module.MobileFaceNet().eval()


@pytest.fixture
def material(tmp_path, some_teacher):
    """A folder like the real one: two packs of noise and colour, the table, random vectors, an untrained teacher."""
    folder = tmp_path / "material"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for pack in ("crops_1.tar", "crops_2.tar"):
        with tarfile.open(folder / pack, "w") as tar:
            for k in range(COUNT // 2):
                small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
                data = io.BytesIO()
                small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(data, "webp", lossless=True)
                info = tarfile.TarInfo(f"{pack[:-4]}_{k}.webp")
                info.size = data.tell()
                tar.addfile(info, io.BytesIO(data.getvalue()))
                box = np.array([13, 7, 51, 57]) + rng.integers(-2, 3, 4)
                points = np.array([[24, 26], [41, 26], [32, 36], [25, 44], [40, 44]]) + rng.normal(0, 1, (5, 2))
                rows.append([pack, info.name, "noise", "", *box, *points.ravel().round(1)])
    columns = ["pack", "file", "source", "label", *crops_module.BOX, *crops_module.POINTS]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "crops.csv", index=False)
    np.save(folder / "teacher_mobilefacenet.npy", rng.normal(size=(COUNT, 128)).astype(np.float32))
    torch.save({"net_state_dict": some_teacher.state_dict()}, folder / "teacher_mobilefacenet.ckpt")
    return folder


@pytest.fixture
def crops(material) -> Crops:
    return read_crops(material, progress=False)


def ramps(count: int = 2) -> Crops:
    """Crops in which red is a pixel's x, as its centre's coordinate, and green its y."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    pixels = torch.stack([x, y, torch.zeros_like(x)]).to(torch.uint8).expand(count, -1, -1, -1)
    boxes = torch.tensor([[13.0, 7.0, 51.0, 57.0]]).expand(count, -1)
    points = torch.tensor([[[24.0, 26], [41, 27], [32, 36], [25, 44], [40, 45]]]).expand(count, -1, -1) + 0.5
    return Crops(pixels, boxes, points, pixels.float().mean((1, 2, 3)), torch.randn(count, 128))


# ------------------------------------------------------------------------------------------------------------- material


def test_crops_are_what_the_packs_hold(material, crops):
    table = pd.read_csv(material / "crops.csv")
    row = COUNT - 2
    with tarfile.open(material / table["pack"][row]) as tar:
        picture = np.array(Image.open(tar.extractfile(table["file"][row])))
    np.testing.assert_array_equal(crops.pixels[row].permute(1, 2, 0), picture)
    np.testing.assert_allclose(crops.boxes[row], table.loc[row, ["x0", "y0", "x1", "y1"]].to_numpy(float))
    np.testing.assert_allclose(crops.points[row, 4] - 0.5, table.loc[row, ["mouth_right_x", "mouth_right_y"]], 1e-5)
    assert crops.brightness[row] == pytest.approx(picture.mean(), rel=1e-5)


@pytest.mark.parametrize("name", ["crops.csv", "teacher_mobilefacenet.npy", "crops_2.tar"])
def test_a_missing_file_is_named(material, name):
    (material / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}.*(give|put)"):
        read_crops(material, progress=False)


def test_material_that_does_not_fit_is_refused(material):
    vectors = np.load(material / "teacher_mobilefacenet.npy")
    np.save(material / "teacher_mobilefacenet.npy", vectors[1:])
    with pytest.raises(ValueError, match=r"24 rows and .* 23 vectors"):
        read_crops(material, progress=False)
    np.save(material / "teacher_mobilefacenet.npy", vectors)
    whole = (material / "crops_1.tar").read_bytes()
    (material / "crops_1.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"crops_1.tar cannot be read .*copy it again"):
        read_crops(material, progress=False)
    (material / "crops_1.tar").write_bytes((material / "crops_2.tar").read_bytes())
    with pytest.raises(ValueError, match="crops_1_0"):
        read_crops(material, progress=False)


def test_held_out_crops_are_not_trained_on():
    train_rows, held_out = split(100, 7)
    assert len(held_out) == 7
    assert sorted([*train_rows.tolist(), *held_out.tolist()]) == list(range(100))
    with pytest.raises(ValueError, match="held_out is 60, but of 100 crops 2 to 50"):
        split(100, 60)


# ------------------------------------------------------------------------------------------------------------- geometry


@pytest.mark.parametrize("row", range(4))
def test_a_plain_view_is_the_box_cut_out_and_resized_by_pillow(crops, row):
    picture = Image.fromarray(crops.pixels[row].permute(1, 2, 0).numpy())
    box = [int(side) for side in crops.boxes[row]]
    expected = np.array(picture.crop(box).resize((96, 96), Image.Resampling.BILINEAR), float)
    seen = views.plain_views(crops, torch.tensor([row]), 96)[0].permute(1, 2, 0).numpy() * 128 + 127.5
    inner = np.s_[3:-3, 3:-3]  # at the rim, Pillow repeats the box's edge where the view sees what lies beyond
    np.testing.assert_allclose(seen[inner], expected[inner], atol=1.01)  # Pillow rounds twice


def test_a_jittered_view_is_where_trigonometry_says():
    crops = ramps(1)
    scale, stretch, turn, shift = 1.1, 0.96, math.radians(7), (0.05, -0.03)
    arguments = (torch.tensor([value]) for value in (scale, stretch, turn, shift))
    for flip in (False, True):
        arguments = (torch.tensor([value]) for value in (scale, stretch, turn, shift, flip))
        maps = geometry.jittered_maps(crops.boxes, 80, *arguments)
        seen = geometry.sample(crops.pixels, geometry.coordinates(maps, 80, 80))[0]
        for column, row in [(20, 30), (40, 41), (60, 25)]:
            across, down = (column + 0.5) / 80 - 0.5, (row + 0.5) / 80 - 0.5
            across = (-across if flip else across) * 38 * scale * stretch**0.5
            down = down * 50 * scale / stretch**0.5
            x = 32 + 0.05 * 38 + math.cos(turn) * across - math.sin(turn) * down
            y = 32 - 0.03 * 50 + math.sin(turn) * across + math.cos(turn) * down
            assert seen[0, row, column] == pytest.approx(x - 0.5, abs=1e-3)
            assert seen[1, row, column] == pytest.approx(y - 0.5, abs=1e-3)


def test_similarity_is_the_least_squares_one():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, 5, 2)) * 20
    zero, one = np.zeros(5), np.ones(5)
    equations = np.concatenate(
        [np.stack([source[:, 0], -source[:, 1], one, zero], 1), np.stack([source[:, 1], source[:, 0], zero, one], 1)]
    )
    a, b, x, y = np.linalg.lstsq(equations, np.concatenate([target[:, 0], target[:, 1]]), rcond=None)[0]
    found = geometry.similarity(torch.tensor(source)[None], torch.tensor(target)[None])[0]
    np.testing.assert_allclose(found, [[a, -b, x], [b, a, y]], atol=1e-9)


def test_the_teacher_sees_landmarks_where_its_template_has_them():
    turned = np.deg2rad(20)
    turn = np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]]) * 0.4
    points = torch.tensor((geometry.TEMPLATE.numpy() + 0.5) @ turn.T + [30, 5], dtype=torch.float32)[None]
    places = geometry.coordinates(geometry.teacher_maps(points), 112, 96)
    for (x, y), (there_x, there_y) in zip(geometry.TEMPLATE.round().int().tolist(), points[0].tolist(), strict=True):
        assert places[0, y, x].tolist() == pytest.approx([there_x, there_y], abs=0.3)


# ---------------------------------------------------------------------------------------------------------------- views


def test_student_and_teacher_see_the_same(crops):
    settings = Settings(batch=8, teacher="running", mixing=0.5, light=0.0, scale=0.0, stretch=0.0, shift=0.0, turn=0.0)
    dice = views.roll_dice(0, 0, 8)
    seen = views.make_views(crops, torch.arange(8), dice, settings, 80)
    again = views.make_views(crops, torch.arange(8), dice, replace(settings, mixing=0.0), 80)
    for row in range(8):
        # what the teacher sees, carried back into the box, is what the student sees
        back = geometry.similarity(crops.points[row : row + 1], geometry.TEMPLATE[None] + 0.5)
        places = geometry.carry(geometry.coordinates(geometry.box_maps(crops.boxes[row : row + 1], 80), 80, 80), back)
        mirrored = dice[row, 5] < 0.5
        teacher_view = (seen.teacher[row : row + 1].flip(3) if mirrored else seen.teacher[row : row + 1]).contiguous()
        grid = places * torch.tensor([2 / 96, 2 / 112]) - 1
        expected = F.grid_sample(teacher_view, grid, align_corners=False)[0]
        own = seen.student[row].flip(2) if mirrored else seen.student[row]
        difference, mistaken = ((own - other).abs()[:, 8:-8, 8:-8].mean() for other in (expected, expected.flip(2)))
        assert difference < 0.06  # it was sampled twice, and a rectangle's edge is sharp only once
        assert mistaken > 3 * difference
        assert torch.equal(seen.student[row], again.student[row]) == (row >= 4)


def test_the_teacher_is_shown_what_it_is_asked_for(crops):
    for teacher, asked in {"stored": 0, "mixed": 2, "running": 8}.items():
        settings = Settings(batch=8, teacher=teacher, mixing=0.0 if teacher == "stored" else 0.25)
        seen = views.make_views(crops, torch.arange(8), views.roll_dice(0, 0, 8), settings, 80)
        assert seen.student.shape == (8, 3, 80, 80)
        assert seen.teacher.shape == (asked, 3, 112, 96)
        assert seen.student.abs().max() <= 1
        assert seen.student.is_contiguous(memory_format=torch.channels_last)


def test_the_partner_lies_landmark_upon_landmark():
    crops = ramps(2)
    crops.pixels = torch.zeros_like(crops.pixels).contiguous()
    crops.points = crops.points.clone()
    crops.points[1] = crops.points[0] * 0.9 + torch.tensor([5.0, 1.0])
    nose = crops.points[1, 2]
    crops.pixels[1, :, int(nose[1]), int(nose[0])] = 255
    still = Settings(batch=2, teacher="mixed", cut=0.0, light=0, scale=0, stretch=0, shift=0, turn=0)
    dice = torch.full((2, views.DICE), 0.9)
    seen = views.make_views(crops, torch.tensor([0, 1]), dice, still, 128).student[0, 0]
    found = divmod(seen.argmax().item(), 128)[::-1]
    box = crops.boxes[0]
    expected = (crops.points[0, 2] - box[:2]) / (box[2:] - box[:2]) * 128
    np.testing.assert_allclose(found, expected, atol=2.5)  # the white pixel is that wide here


def test_mixing_blends_or_cuts():
    places = geometry.coordinates(geometry.box_maps(torch.tensor([[10.0, 10, 50, 50]] * 2), 40), 40, 40)
    boxes = torch.tensor([[10.0, 10, 50, 50]] * 2)
    dice = torch.tensor([[0.9, 0.3, 0, 0, 0, 0], [0.1, 0.3, 0.0, 1.0, 0.5, 0.0]])
    blend, cut = mixing.share_of_partner(places, boxes, dice, cut=0.5)
    assert (blend == 0.3).all()
    expected = torch.zeros(40, 40)
    expected[28:, :24] = 1  # 0.6 wide from the left, 0.3 high at the bottom
    assert torch.equal(cut[0], expected)


def test_light_spares_geometry_and_can_be_left_out():
    pixels = torch.rand(3, 3, 5, 5) * 255
    same = views._relit(pixels, pixels.mean((1, 2, 3)), torch.rand(3, 6), 0.0)
    torch.testing.assert_close(same, pixels)
    grey = views._relit(pixels, pixels.mean((1, 2, 3)), torch.zeros(3, 6), 1.0)
    assert (grey - grey[:, :1]).abs().max() < 1e-4


def test_dice_depend_on_seed_and_step_alone():
    assert torch.equal(views.roll_dice(3, 7, 4), views.roll_dice(3, 7, 4))
    assert not torch.equal(views.roll_dice(3, 7, 4), views.roll_dice(3, 8, 4))
    assert not torch.equal(views.roll_dice(3, 7, 4), views.roll_dice(4, 7, 4))


# ------------------------------------------------------------------------------------------------------------- networks


def test_the_teacher_has_the_papers_size(some_teacher):
    # Chen et al. 2018 state 0.99 million for 112×112; here the last depthwise kernel is 7×6 instead of 7×7
    count = sum(value.numel() for value in some_teacher.parameters())
    assert count == pytest.approx(0.99e6, rel=0.02)
    assert teacher_module.ask(some_teacher, torch.zeros(2, 3, 112, 96)).shape == (2, 128)


def test_a_foreign_teacher_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="put the teacher's checkpoint there"):
        teacher_module.load_teacher(tmp_path / "no.ckpt", CPU)
    torch.save({"net_state_dict": {"weight": torch.zeros(3)}}, tmp_path / "foreign.ckpt")
    with pytest.raises(ValueError, match="not the checkpoint of a 128-d MobileFaceNet"):
        teacher_module.load_teacher(tmp_path / "foreign.ckpt", CPU)
    (tmp_path / "page.ckpt").write_text("<html>")
    with pytest.raises(ValueError, match="not the checkpoint"):
        teacher_module.load_teacher(tmp_path / "page.ckpt", CPU)


def test_answers_are_centred_and_take_the_mirror_in(some_teacher, crops):
    rows = torch.arange(len(crops))
    seen = views.aligned_views(crops, rows)
    stored, mirrored = (teacher_module.ask(some_teacher, part) for part in (seen, seen.flip(3)))
    answers = teacher_module.Answers(some_teacher, stored, mirrored, torch.float32)
    both = (stored + mirrored).numpy()
    expected = both - both.mean(0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(answers.clean, expected, atol=1e-5)
    np.testing.assert_allclose(answers.of(seen), expected, atol=1e-4)
    np.testing.assert_allclose(answers.of(seen.flip(3)), expected, atol=1e-4)
    alone = teacher_module.Answers(some_teacher, stored, None, torch.float32)
    assert (alone.clean - answers.clean).abs().max() > 0.01


def test_the_student_is_facenet_pytorchs_network():
    torch.manual_seed(0)
    student = student_module.new_student(CPU, torch.float32).eval()
    assert any(isinstance(layer, Pointwise) for layer in student.modules())
    original = InceptionResnetV1().eval()
    original.last_linear = nn.Linear(1792, 128, bias=False)
    original.last_bn = nn.BatchNorm1d(128, eps=1e-3, momentum=0.1, affine=False).eval()
    original.load_state_dict(student.state_dict())
    pixels = torch.randn(2, 3, 80, 80)
    with torch.no_grad():
        torch.testing.assert_close(student(pixels), original(pixels), atol=1e-5, rtol=0)
        student.precision = torch.bfloat16
        rough = student(pixels)
    assert rough.dtype == torch.float32
    assert ((rough * original(pixels)).sum(1) > 0.98).all()


def test_a_start_that_does_not_fit_is_refused(tmp_path):
    network = InceptionResnetV1()
    torch.save(network.state_dict(), tmp_path / "512.pt")
    with pytest.raises(ValueError, match="gives 512 numbers"):
        student_module.new_student(CPU, torch.float32, tmp_path / "512.pt")
    with pytest.raises(FileNotFoundError, match="no file"):
        student_module.new_student(CPU, torch.float32, tmp_path / "none.pt")


# --------------------------------------------------------------------------------------------------------------- losses


@pytest.fixture
def vectors():
    torch.manual_seed(0)
    return [F.normalize(torch.randn(5, 128), dim=1) for _ in range(2)]


def huber(difference):
    return 0.5 * difference**2 if abs(difference) < 1 else abs(difference) - 0.5


def test_losses_against_brute_force(vectors):
    student, teacher = (part.numpy().astype(float) for part in vectors)
    n = len(student)
    assert losses.vector_loss(*vectors).item() == pytest.approx(
        np.mean([1 - student[k] @ teacher[k] for k in range(n)]), rel=1e-5
    )
    gram = np.mean([(student[i] @ student[k] - teacher[i] @ teacher[k]) ** 2 for i in range(n) for k in range(n)])
    assert losses.gram_loss(*vectors).item() == pytest.approx(gram, rel=1e-4)
    pairs = [(i, k) for i in range(n) for k in range(i)]
    relative = []
    for part in (student, teacher):
        distances = np.array([np.linalg.norm(part[i] - part[k]) for i, k in pairs])
        relative.append(distances / distances.mean())
    expected = np.mean([huber(one - other) for one, other in zip(*relative, strict=True)])
    assert losses.distance_loss(*vectors).item() == pytest.approx(expected, rel=1e-3)

    def angle(part, i, j, k):
        one, other = part[i] - part[j], part[k] - part[j]
        length = np.linalg.norm(one) * np.linalg.norm(other)
        return one @ other / length if length else 0.0

    triples = [(i, j, k) for i in range(n) for j in range(n) for k in range(n)]
    expected = np.mean([huber(angle(student, *triple) - angle(teacher, *triple)) for triple in triples])
    assert losses.angle_loss(*vectors).item() == pytest.approx(expected, rel=1e-3)


def test_losses_are_zero_for_the_teacher_itself_and_have_gradients(vectors):
    settings = Settings(vector=1, gram=2, distance=3, angle=4)
    assert losses.loss_of(vectors[1], vectors[1], settings).total.item() == pytest.approx(0, abs=1e-5)
    student = vectors[0].clone()
    student[1] = student[0]  # two equal vectors have no direction from one to the other
    student.requires_grad_()
    loss = losses.loss_of(student, vectors[1], settings)
    loss.total.backward()
    assert student.grad.isfinite().all()
    assert loss.total.item() == pytest.approx(loss.vector.item() + loss.relation.item())


# ------------------------------------------------------------------------------------------------- schedule and average


def test_the_learning_rate_goes_up_and_then_down():
    settings = Settings(passes=10, batch=10, rate=0.5, warm_up=1, last_rate=0.01)
    done = [schedule.done_at(step, 0, 105, settings) for step in range(schedule.total_steps(105, settings))]
    rates = [schedule.rate_at(step, share, 105, settings) for step, share in enumerate(done)]
    assert len(rates) == 100
    assert rates[0] == pytest.approx(0.05)
    assert 5 < np.argmax(rates) < 15
    assert rates[50] == pytest.approx(0.5 * (0.01 + 0.99 / 2))
    assert rates[-1] == pytest.approx(0.5 * 0.01, rel=0.05)


def test_sizes_follow_the_share_of_the_schedule():
    settings = Settings(passes=10, batch=10, sizes="80:0.5,96:0.9,160:1")
    sizes = [schedule.size_at(schedule.done_at(step, 0, 100, settings), settings) for step in range(100)]
    assert sizes == [80] * 50 + [96] * 40 + [160] * 10


def test_a_schedule_can_go_by_the_clock():
    settings = Settings(passes=10, batch=10, clock=2, rate=0.5, warm_up=0.2, last_rate=0.01, sizes="80:0.5,96:1")
    shares = [schedule.done_at(99, seconds, 100, settings) for seconds in (0, 1800, 3600, 7200, 9000)]
    assert shares == [0, 0.25, 0.5, 1, 1]
    assert [schedule.size_at(share, settings) for share in shares] == [80, 80, 96, 96, 96]
    assert schedule.rate_at(99, 0.5, 100, settings) == pytest.approx(0.5 * (0.01 + 0.99 / 2))
    with pytest.raises(ValueError, match="clock is -1"):
        Settings(clock=-1)


def test_each_pass_shows_every_crop_once_in_an_order_of_its_own():
    settings = Settings(passes=3, batch=8)
    rows = torch.arange(100, 140)
    passes = [torch.cat([schedule.rows_at(5 * k + step, rows, settings) for step in range(5)]) for k in range(3)]
    assert all(sorted(one.tolist()) == rows.tolist() for one in passes)
    assert passes[0].tolist() != passes[1].tolist() != passes[2].tolist()
    with pytest.raises(ValueError, match="batch is 8, but there are 7"):
        schedule.steps_in_a_pass(7, settings)


def test_the_average_is_exponential_with_its_half_life():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = averaging.averaged(network, 4, Settings(half_life=0.5))  # two steps
    decay, expected = 0.5**0.5, None
    for step in range(5):
        with torch.no_grad():
            network[0].weight.fill_(float(step**2))
            network[1].running_mean.fill_(float(-step))
        average.update_parameters(network)
        state = np.array([step**2, -step], float)
        expected = state if expected is None else decay * expected + (1 - decay) * state
    assert average.module[0].weight[0, 0].item() == pytest.approx(expected[0], rel=1e-5)
    assert average.module[1].running_mean[0].item() == pytest.approx(expected[1], rel=1e-5)
    assert not average.training


# ------------------------------------------------------------------------------------------------------------ optimiser


@pytest.mark.parametrize("shape", [(6, 4, 3, 3), (20, 5, 1, 1), (7, 7, 1, 1)])
def test_muon_moves_kernels_as_torchs_own_moves_matrices(shape):
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator) for _ in range(2)]
    kernels = [nn.Parameter(value.clone().to(memory_format=torch.channels_last)) for value in start]
    matrices = [nn.Parameter(value.flatten(1).clone()) for value in start]
    mine = optimiser.Muon(kernels, decay=0.1)
    mine.param_groups[0]["lr"] = 0.02
    theirs = torch.optim.Muon(matrices, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        for kernel, matrix in zip(kernels, matrices, strict=True):
            kernel.grad = torch.randn(shape, generator=generator)
            matrix.grad = kernel.grad.flatten(1).clone()
        mine.step()
        theirs.step()
    for kernel, matrix, value in zip(kernels, matrices, start, strict=True):
        assert torch.allclose(kernel.flatten(1), matrix, atol=2e-3)  # both work in bfloat16
        assert (kernel - value).abs().mean() > 0.005


def test_steps_are_made_nearly_orthogonal():
    wide = optimiser.orthogonal(torch.randn(3, 8, 40, generator=torch.Generator().manual_seed(0)))
    tall = optimiser.orthogonal(wide.mT)
    for matrices in (wide, tall.mT):
        values = torch.linalg.svdvals(matrices.float())
        assert 0.6 < values.min() < values.max() < 1.3


@pytest.mark.parametrize(("precision", "computed_in"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_steps_are_made_orthogonal_in_the_precision_of_the_run(precision, computed_in):
    network = nn.Conv2d(3, 4, 3)
    muon = optimiser.Optimisers(network, Settings(precision=precision)).parts[-1]
    assert muon.precision == computed_in
    matrices = torch.randn(2, 8, 40, generator=torch.Generator().manual_seed(0))
    found = optimiser.orthogonal(matrices, computed_in)
    x = matrices.double() / matrices.double().norm(dim=(1, 2), keepdim=True)
    for _ in range(optimiser.ROUNDS):
        square = x @ x.mT
        x = optimiser.A * x + (optimiser.B * square + optimiser.C * square @ square) @ x
    assert ((found - x).abs().max() < 1e-5) == (precision == "float32")


def test_the_optimisers_part_the_weights_among_them():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    both = optimiser.Optimisers(network, Settings(optimiser="muon", decay=0.5))
    alone = optimiser.Optimisers(network, Settings(optimiser="adamw", decay=0.5))
    for optimisers, expected in ((both, [(1, 0.5), (4, 0.0), (1, 0.5)]), (alone, [(2, 0.5), (4, 0.0)])):
        groups = [group for part in optimisers.parts for group in part.param_groups]
        assert [(len(group["params"]), group["weight_decay"]) for group in groups] == expected
        assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"optimiser": "sgd"}, "There is no optimiser 'sgd': give one of muon"),
        ({"teacher": "none"}, "There is no teacher 'none': give one of stored"),
        ({"precision": "int8"}, "There is no precision 'int8'"),
        ({"teacher": "stored"}, "give mixing 0, or teacher mixed"),
        ({"mixing": 1.5}, "mixing is 1.5"),
        ({"passes": 0}, "passes is 0"),
        ({"sizes": "112"}, "sizes is '112'"),
        ({"sizes": "112:0.5,160:0.9"}, "up to 1"),
        ({"sizes": "64:1"}, "from 75 pixels on"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changed, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Settings(**changed)


def test_settings_come_from_the_command_line_and_stay_those_of_the_run():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = chosen(parser.parse_args(["--passes", "3", "--no-mirror", "--half-life", "0.25", "--sizes", "96:1"]))
    assert given == {"passes": 3.0, "mirror": False, "half_life": 0.25, "sizes": "96:1"}
    settings = Settings(**given)
    saved = json.loads(json.dumps(asdict(settings)))
    assert agreed(saved, {}) == agreed(saved, {"passes": 3.0}) == settings
    assert agreed(saved | {"precision": "float16"}, {"precision": "auto"}).precision == "float16"
    with pytest.raises(ValueError, match=r"started with passes 3.0, not 4.0: leave it out to go on"):
        agreed(saved, {"passes": 4.0})


# ------------------------------------------------------------------------------------------------------------------ log


def row(step: int, size: int = 96) -> log_module.Row:
    return log_module.Row(step, 4 * step, step / 5, 0.1, size, 1e-3, 0.5, 0.4, 0.1, step / 64, 0.2, 50.0)


def test_the_log_survives_and_forgets_what_a_killed_run_did_after_its_checkpoint(tmp_path):
    first = log_module.Log(tmp_path, 0)
    for step, size in [(1, 96), (2, 96), (3, 112)]:
        first.add(row(step, size))
    assert log_module.read(tmp_path / "log.csv") == first.rows
    again = log_module.Log(tmp_path, 2)
    assert [one.step for one in again.rows] == [one.step for one in log_module.read(tmp_path / "log.csv")] == [1, 2]
    with Image.open(tmp_path / "log.png") as figure:
        assert np.array(figure.convert("L")).std() > 5


def test_a_table_that_is_no_log_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="not the log of a run"):
        log_module.Log(tmp_path, 0)


# ----------------------------------------------------------------------------------------------------------- whole runs


class Tiny(nn.Module):
    """In the student's place, so that a run takes a moment."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 9, 8), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
        self.last = nn.Linear(32, 128)

    def forward(self, pixels):
        return F.normalize(self.last(self.layers(pixels).flatten(1)), dim=1)


@pytest.fixture
def tiny_student(monkeypatch):
    monkeypatch.setattr(train, "new_student", lambda device, precision, start: Tiny())


SHORT = "--passes 2.5 --batch 4 --held-out 4 --sizes 80:0.5,96:1 --warm-up 0.5 --report 12 --precision float32"


def run(material, out, *arguments, stop_after: int | None = None) -> dict:
    """Run the command; stop_after is the number of steps after which the process is asked to end."""
    step = train.Run.one_step

    def counted(self):
        loss = step(self)
        if self.step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss

    train.Run.one_step = counted
    try:
        train.main([str(material), "--out", str(out), "--device", "cpu", *arguments])
    finally:
        train.Run.one_step = step
    return checkpoint.load(out)


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(material, tmp_path, tiny_student):
    whole = run(material, tmp_path / "whole", *SHORT.split())
    part = run(material, tmp_path / "parts", *SHORT.split(), stop_after=4)
    assert part["step"] == 4
    parts = run(material, tmp_path / "parts", "--report", "12", stop_after=9)
    assert parts["step"] == 9
    parts = run(material, tmp_path / "parts", *SHORT.split())
    assert parts["step"] == whole["step"] == 12  # 2.5 passes of 5 batches
    for name in ("student", "average"):
        assert whole[name].keys() == parts[name].keys()
        assert all(torch.equal(value, parts[name][key]) for key, value in whole[name].items())
        assert not all(torch.equal(value, part[name][key]) for key, value in whole[name].items())
    logs = [log_module.read(tmp_path / name / "log.csv") for name in ("whole", "parts")]
    assert [one.step for one in logs[0]] == [one.step for one in logs[1]] == [3, 6, 9, 12]
    assert [(one.size, one.cosine) for one in logs[0]] == [(one.size, one.cosine) for one in logs[1]]
    assert signal.getsignal(signal.SIGTERM) != train.Stop._ask
    other = run(material, tmp_path / "other", *SHORT.split(), "--seed", "1")
    assert not all(torch.equal(value, other["student"][key]) for key, value in whole["student"].items())


def test_the_time_of_a_stretch_ends_it(material, tmp_path, tiny_student):
    assert run(material, tmp_path / "run", *SHORT.split(), "--hours", "0")["step"] == 0


def test_a_run_by_the_clock_ends_when_its_time_is_over(material, tmp_path, tiny_student):
    out = tmp_path / "run"
    begun = run(material, out, *SHORT.split(), "--clock", "0.001", stop_after=2)
    ended = run(material, out)
    assert begun["step"] == 2 < ended["step"]
    assert begun["seconds"] < 3.6 <= ended["seconds"]
    last = log_module.read(out / "log.csv")[-1]
    assert last.step == ended["step"]
    assert last.learning_rate == pytest.approx(0.005 * ended["settings"]["rate"])
    assert run(material, out)["step"] == ended["step"]


def test_half_precision_scales_its_gradients_and_keeps_the_scale(material, tmp_path, tiny_student):
    arguments = [*SHORT.split(), "--precision", "float16", "--teacher", "stored", "--mixing", "0", "--no-mirror"]
    content = run(material, tmp_path / "run", *arguments, stop_after=2)
    assert content["scaler"]["scale"] > 1
    assert run(material, tmp_path / "run", stop_after=3)["scaler"]["_growth_tracker"] == 3


def test_training_lowers_the_loss(material, tmp_path, tiny_student):
    arguments = [*SHORT.split(), "--rate", "0.02", "--light", "0", "--teacher", "stored", "--mixing", "0"]
    run(material, tmp_path / "run", *arguments, "--passes", "6", "--report", "40", "--sizes", "80:1")
    rows = log_module.read(tmp_path / "run" / "log.csv")
    assert rows[-1].loss < 0.7 * rows[0].loss


def test_a_run_refuses_what_is_not_its_own(material, tmp_path, tiny_student, capsys):
    out = tmp_path / "run"
    run(material, out, *SHORT.split(), "--hours", "0")
    with pytest.raises(SystemExit):
        run(material, out, "--passes", "7")
    assert "started with passes 2.5, not 7.0" in capsys.readouterr().err
    table = pd.read_csv(material / "crops.csv").iloc[:-4]
    table.to_csv(material / "crops.csv", index=False)
    vectors = np.load(material / "teacher_mobilefacenet.npy")
    np.save(material / "teacher_mobilefacenet.npy", vectors[:-4])
    with pytest.raises(SystemExit):
        run(material, out)
    assert "started on 24 crops" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train.main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "new"), "--device", "cpu"])
    assert "There is no crops.csv" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    for content in (b"not a checkpoint", None):
        if content is None:
            torch.save({"weights": torch.zeros(2)}, out / "checkpoint.pt")
        else:
            (out / "checkpoint.pt").write_bytes(content)
        with pytest.raises(ValueError, match=r"checkpoint\.pt (cannot be read|is not a checkpoint).*another folder"):
            checkpoint.load(out)


def test_failed_training_leaves_the_last_good_checkpoint(material, tmp_path, tiny_student):
    out = tmp_path / "run"
    run(material, out, *SHORT.split(), "--hours", "0")
    before = (out / "checkpoint.pt").read_bytes()
    options = argparse.Namespace(data=material, out=out, device="cpu", init=None, report=12, save_minutes=1.0)
    failed = train.Run(options)
    with torch.no_grad():
        failed.student.last.weight[0, 0] = math.nan
    with pytest.raises(FloatingPointError, match="--rate"):
        failed.save()
    assert (out / "checkpoint.pt").read_bytes() == before


def save_average(folder: Path, student: nn.Module, **settings: object) -> None:
    """Write the checkpoint of a run with these settings, whose averaged weights are this student's."""
    average = {"n_averaged": torch.tensor(1)} | {f"module.{key}": value for key, value in student.state_dict().items()}
    content = dict.fromkeys(checkpoint.PARTS - {"format"}) | {"settings": asdict(Settings(**settings)), "step": 10}
    checkpoint.save(folder, content | {"average": average})


def test_what_is_exported_is_what_facelab_loads(tmp_path, capsys):
    torch.manual_seed(0)
    student = student_module.new_student(CPU, torch.float32).eval()
    save_average(tmp_path, student)
    export.main([str(tmp_path), str(tmp_path / "facelab128.safetensors")])
    embedder = FaceEmbedder(tmp_path / "facelab128.safetensors")
    assert (embedder.name, embedder.dimension, embedder.image_size) == ("facelab128", 128, 160)
    pixels = torch.rand(2, 3, 96, 96) * 2 - 1
    with torch.no_grad():
        expected = student(pixels).numpy()
    assert ((embedder.embed(pixels) * expected).sum(1) > 0.99).all()  # int8 rounds
    export.main([str(tmp_path), str(tmp_path / "whole.safetensors"), "--float32"])
    whole = FaceEmbedder(tmp_path / "whole.safetensors")
    assert (whole.dimension, whole.image_size) == (128, 160)
    np.testing.assert_allclose(whole.embed(pixels), expected, atol=1e-5)
    mean = ["--float32", "--mean-with", str(tmp_path / "facelab128.safetensors")]
    with torch.no_grad():
        for weight in student.parameters():
            weight.mul_(3)  # so that the mean with what was exported above is twice that
    save_average(tmp_path, student)
    export.main([str(tmp_path), str(tmp_path / "mean.safetensors"), *mean])
    states = [FaceEmbedder(tmp_path / f"{name}.safetensors").network.state_dict() for name in ("whole", "mean")]
    torch.testing.assert_close(states[1]["last_linear.weight"], 2 * states[0]["last_linear.weight"], atol=1e-3, rtol=0)
    torch.testing.assert_close(states[1]["last_bn.running_var"], states[0]["last_bn.running_var"])
    export.main([str(tmp_path), str(tmp_path / "nearer.safetensors"), *mean, "--share", "0.25"])
    weight = FaceEmbedder(tmp_path / "nearer.safetensors").network.state_dict()["last_linear.weight"]
    torch.testing.assert_close(weight, 1.5 * states[0]["last_linear.weight"], atol=1e-3, rtol=0)
    with pytest.raises(SystemExit):
        export.main([str(tmp_path), str(tmp_path / "x.safetensors"), *mean, "--share", "2"])
    assert "from 0 to 1" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        export.main([str(tmp_path), str(tmp_path / "x.safetensors"), "--share", "0.5"])
    assert "--mean-with" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        export.main([str(tmp_path), str(tmp_path / "x.safetensors"), "--mean-with", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit):
        export.main([str(tmp_path / "nowhere"), str(tmp_path / "x.safetensors")])
    for way in ([], ["--float32"]):
        with pytest.raises(SystemExit):
            export.main([str(tmp_path), str(tmp_path / "nowhere" / "x.safetensors"), *way])
        assert "There is no folder" in capsys.readouterr().err


def test_weights_are_compared_on_the_crops_that_the_run_held_out(material, tmp_path, capsys):
    torch.manual_seed(0)
    student = student_module.new_student(CPU, torch.float32).eval()
    save_average(tmp_path, student, sizes="96:1", held_out=6)
    files = [tmp_path / "whole.safetensors", tmp_path / "other.safetensors"]
    export.main([str(tmp_path), str(files[0]), "--float32"])
    export.main([str(tmp_path), str(files[1])])
    capsys.readouterr()
    compare.main([str(material), str(tmp_path), *map(str, files)])
    lines = capsys.readouterr().out.splitlines()
    crops = read_crops(material, progress=False)
    answers = F.normalize(crops.answers - crops.answers.mean(0))
    _, held_out = split(COUNT, 6)
    with torch.no_grad():
        cosine = (student(views.plain_views(crops, held_out, 96)) * answers[held_out]).sum(1).mean()
    assert lines[0].startswith(f"whole.safetensors: cosine {cosine:.4f}")
    assert lines[1].startswith("other.safetensors: cosine")
    for wrong in ([str(tmp_path / "nowhere"), str(tmp_path), str(files[0])], [str(material), str(tmp_path), "nowhere"]):
        with pytest.raises(SystemExit):
            compare.main(wrong)


# ------------------------------------------------------------------------------------------------------ the real thing


@needs_material
def test_the_real_teacher_gives_its_stored_vectors():
    folder = Path(TRAIN)
    table = pd.read_csv(folder / "crops.csv")
    chosen_rows = np.arange(0, len(table), len(table) // 48)
    pictures = []
    for pack, names in table.loc[chosen_rows].groupby("pack", sort=False)["file"]:
        pictures += list(crops_module._read_pack(folder / pack, names))
    points = torch.tensor(table.loc[chosen_rows, crops_module.POINTS].to_numpy(np.float32)).reshape(-1, 5, 2) + 0.5
    stored = torch.from_numpy(np.load(folder / "teacher_mobilefacenet.npy")[chosen_rows])
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    crops = Crops(pixels, torch.zeros(len(pixels), 4), points, pixels.float().mean((1, 2, 3)), stored)
    network = teacher_module.load_teacher(folder / teacher_module.CHECKPOINT, CPU)
    found = teacher_module.ask(network, views.aligned_views(crops, torch.arange(len(crops))))
    cosine = F.cosine_similarity(found, stored)
    # the stored ones were made from the pictures before they were resized and compressed into the packs
    assert cosine.mean() > 0.97
    assert cosine.min() > 0.9


def test_modules_import_only_from_those_above_them_in_the_readme():
    rows = re.findall(r"^\| (`[^|]*) \|", (SOURCE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    order = {name: k for k, line in enumerate(rows) for name in re.findall(r"`(\w+)\.py`", line)}
    assert set(order) == {path.stem for path in SOURCE.glob("*.py")}
    for name, rank in order.items():
        text = (SOURCE / f"{name}.py").read_text(encoding="utf-8")
        own = set(re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE)) & set(order)
        assert not [other for other in own if order[other] >= rank], name


def test_training_needs_no_more_than_torch_and_the_network():
    # so that it runs on a borrowed machine without pooch, safetensors and scikit-learn
    absent = "; ".join(f"sys.modules[{name!r}] = None" for name in ("pooch", "safetensors", "sklearn", "ipywidgets"))
    code = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); {absent}; import train"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
