"""Detection against raw facenet-pytorch, the renderer's ground truth, torchvision and brute force."""

import threading

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN, extract_face, fixed_image_standardization
from PIL import Image, ImageDraw
from sklearn.metrics import precision_recall_curve

from facelab import cascade, detection
from facelab.averages import PlainAverages
from facelab.cascade import pyramid_scales
from facelab.data import boxes, clip_frames, landmarks, load_cast, load_lfw, scene_files
from facelab.detection import (
    ASPECT,
    TEMPLATE,
    FaceDetector,
    Faces,
    average_precision,
    crop_faces,
    iou,
    match_boxes,
    unstandardise,
)
from facelab.images import open_image


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def raw():
    return MTCNN(keep_all=True)


@pytest.fixture(scope="module")
def cast():
    return load_cast()


@pytest.fixture(scope="module")
def detected(cast, detector):
    return detector.detect(cast.path)


def collage(cast, people=("person_02", "person_07", "person_09"), side=256):
    """One portrait of each of these people, side by side."""
    sheet = Image.new("RGB", (side * len(people), side))
    for i, person in enumerate(people):
        sheet.paste(open_image(cast.path[cast.person == person].iloc[0]), (i * side, 0))
    return sheet


def assert_equal_to_raw(faces, raw, image):
    raw_boxes, raw_probs, raw_points = raw.detect(image, landmarks=True)
    if raw_boxes is None:
        assert len(faces) == 0
        return
    np.testing.assert_allclose(faces.boxes, raw_boxes.astype(np.float32), rtol=0, atol=0.01)
    np.testing.assert_allclose(faces.probs, raw_probs.astype(np.float32), rtol=0, atol=1e-5)
    np.testing.assert_allclose(faces.landmarks, raw_points.astype(np.float32), rtol=0, atol=0.01)


def test_equals_facenet_pytorch_on_the_cast(cast, detected, raw):
    for path, faces in zip(cast.path[::6], detected[::6], strict=True):
        assert_equal_to_raw(faces, raw, open_image(path))


def test_equals_facenet_pytorch_on_group_photos_sweeps_and_the_clip(detector, raw):
    for path in [*scene_files(), *clip_frames()[::8], *load_cast("sweeps").path[::8]]:
        image = open_image(path)
        assert_equal_to_raw(detector.detect(image), raw, image)


def test_equals_facenet_pytorch_on_photographs(lfw, detector, raw):
    for path in load_lfw(lfw).path[::90]:
        image = open_image(path)
        assert_equal_to_raw(detector.detect(image), raw, image)


@pytest.mark.parametrize("settings", [{"min_face_size": 60}, {"factor": 0.5}, {"thresholds": (0.9, 0.9, 0.999)}])
def test_equals_facenet_pytorch_with_other_settings(cast, settings):
    group = collage(cast)
    ours, theirs = FaceDetector(**settings), MTCNN(keep_all=True, **settings)
    assert_equal_to_raw(ours.detect(group), theirs, group)


def test_every_cast_face_is_found_where_the_renderer_put_it(cast, detected):
    largest = [faces[:1] for faces in detected]
    assert [len(faces) for faces in largest] == [1] * len(cast)
    assert sum(map(len, detected)) <= 1.02 * len(cast)  # a false alarm or two
    overlap = [iou(faces.boxes, box)[0, 0] for faces, box in zip(largest, boxes(cast), strict=True)]
    assert np.mean(overlap) > 0.85
    assert np.min(overlap) > 0.5
    error = np.linalg.norm(np.concatenate([f.landmarks for f in largest]) - landmarks(cast), axis=2).mean(1)
    width = boxes(cast)[:, 2] - boxes(cast)[:, 0]
    assert (error / width).mean() < 0.05


def test_any_number_of_any_images_in_order(cast, detector):
    group = collage(cast)
    images = [
        Image.new("RGB", (90, 60)),  # raw: None instead of no boxes, and a batch with it cannot be cropped
        cast.path[0],
        group,  # raw: images of two sizes are an error
        np.asarray(open_image(cast.path[1]), np.float32) / 255,  # raw: silently finds nothing
        torch.from_numpy(np.array(open_image(cast.path[1]))).permute(2, 0, 1),
        open_image(cast.path[1]).convert("L"),  # raw: crash
        Image.new("RGB", (5, 5)),  # raw: torch.cat of nothing
    ]
    found = detector.detect(images)
    assert [len(f) for f in found] == [0, 1, 3, 1, 1, 1, 0]
    np.testing.assert_allclose(found[1].boxes, detector.detect(str(cast.path[0])).boxes, atol=1e-4)
    np.testing.assert_allclose(found[3].boxes, found[4].boxes, atol=0.01)
    assert len(detector.detect(images[4])) == 1  # a tensor alone is one image, not three grey ones
    assert detector.detect([]) == []
    assert len(detector.detect(iter(images[:2]))) == 2
    assert len(detector.detect(np.stack([np.asarray(open_image(p)) for p in cast.path[:3]]))) == 3


def test_what_raw_facenet_pytorch_makes_of_these(cast, raw):
    """The traps that `detect` takes away: should one of them be mended upstream, this says so."""
    image = open_image(cast.path[0])
    assert raw.detect(image)[0] is not None
    assert raw.detect(torch.from_numpy(np.asarray(image, np.float32) / 255))[0] is None
    with pytest.raises(ValueError, match="inhomogeneous"):
        MTCNN()([Image.new("RGB", image.size), image])  # a batch in which one image has no face
    for trap in (
        [image, image.resize((200, 200))],
        image.convert("L"),
        image.convert("RGBA"),
        Image.new("RGB", (5, 5)),
        str(cast.path[0]),
    ):
        with pytest.raises(Exception):  # noqa: B017, PT011
            raw.detect(trap)


def test_a_photo_on_its_side(cast, detector, tmp_path):
    upright = open_image(cast.path[0])
    note = Image.Exif()
    note[0x0112] = 8  # to be turned by 90 degrees, anticlockwise
    upright.rotate(-90, expand=True).save(tmp_path / "phone.png", exif=note)
    np.testing.assert_allclose(detector.detect(tmp_path / "phone.png").boxes, detector.detect(upright).boxes, atol=0.01)


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "LA"])
def test_images_of_other_modes(cast, detector, mode):
    assert len(detector.detect(open_image(cast.path[0]).convert(mode))) == 1


def test_blue_and_red_swapped(cast, detector):
    bgr = np.asarray(open_image(cast.path[0]))[..., ::-1]
    told = detector.detect(open_image(bgr, bgr=True))
    np.testing.assert_array_equal(told.boxes, detector.detect(cast.path[0]).boxes)
    assert not np.array_equal(detector.detect(bgr).boxes, told.boxes)


@pytest.mark.parametrize("size", [(1, 1), (11, 400), (400, 11), (12, 12), (20, 20), (21, 20)])
def test_small_images_have_no_face_and_no_error(detector, size):
    assert len(detector.detect(Image.new("RGB", size, "tan"))) == 0


def test_largest_first_and_dtypes(cast, detector):
    group = collage(cast)
    group.paste(open_image(cast.path[0]).resize((100, 100)), (0, 0))
    faces = detector.detect(group)
    sizes = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
    assert len(faces) > 1
    assert (np.diff(sizes) <= 0).all()
    assert faces.boxes.dtype == faces.probs.dtype == faces.landmarks.dtype == np.float32


def test_windows_without_area_pass_nothing_on(cast, monkeypatch, detector):
    """Where facenet-pytorch skips the crop but keeps the window, so that masks no longer fit (deepface #1264)."""
    image = np.asarray(open_image(cast.path[0]))
    honest = detector.trace(image)

    def with_a_degenerate_window(boxes):
        squares = rerec(boxes)
        if squares.shape[1] == 4:  # from P-Net
            outside = squares.new_tensor([[-50.0, -50, -20, -20], [400, 400, 410, 410]])
            squares = torch.cat([outside, squares])
        return squares

    rerec = cascade.rerec
    monkeypatch.setattr(cascade, "rerec", with_a_degenerate_window)
    trace = detector.trace(image)
    np.testing.assert_array_equal(trace.faces.boxes, honest.faces.boxes)
    assert len(trace.stages[1].boxes) == len(honest.stages[1].boxes)


def test_only_degenerate_windows_is_no_face(cast, monkeypatch, detector):
    monkeypatch.setattr(cascade, "rerec", lambda boxes: boxes * 0 - 30)
    assert len(detector.detect(cast.path[0])) == 0


def test_trace_accounts_for_every_window(cast, detector, raw):
    group = collage(cast)
    trace = detector.trace(group)
    height, width = group.height, group.width
    assert [level.scale for level in trace.levels] == pyramid_scales(height, width, 20, 0.709)
    pixels = torch.from_numpy(np.array(group)).permute(2, 0, 1)[None].float()
    for level in trace.levels:
        assert level.size == (int(height * level.scale + 1), int(width * level.scale + 1))
        small = torch.nn.functional.interpolate(pixels, level.size, mode="area")
        with torch.no_grad():
            probs = raw.pnet((small - 127.5) * 0.0078125)[1][0, 1].numpy()
        np.testing.assert_allclose(level.score_map, probs, atol=1e-4)
        assert len(level.boxes) == (level.score_map >= 0.6).sum()
        # non-maximum suppression by its definition
        order = np.argsort(-level.scores, kind="stable")
        kept = []
        for i in order:
            if all(iou(level.boxes[[i]], level.boxes[[j]])[0, 0] <= 0.5 for j in kept):
                kept.append(i)
        assert level.kept.sum() == len(kept)
    p_net, r_net, o_net = trace.stages
    assert sum(level.kept.sum() for level in trace.levels) == len(p_net.boxes)
    for stage, given, threshold in ((r_net, p_net.refined, 0.7), (o_net, r_net.refined, 0.7)):
        np.testing.assert_array_equal(stage.boxes, given)
        np.testing.assert_array_equal(stage.passed, stage.scores > threshold)
        assert (stage.kept <= stage.passed).all()
        assert stage.kept.sum() == len(stage.refined)
    assert len(trace.faces) == len(o_net.refined) == 3
    counts = trace.counts()
    assert counts.loc["P-Net", "looked at"] == sum(level.score_map.size for level in trace.levels)
    assert counts["kept"].tolist() == [len(s.refined) for s in trace.stages]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"min_face_size": 0}, "min_face_size"),
        ({"thresholds": (0.6, 0.7)}, "thresholds"),
        ({"thresholds": (0.6, 0.7, 7)}, "thresholds"),
        ({"thresholds": 0.5}, "thresholds"),
        ({"min_face_size": "20"}, "min_face_size"),
        ({"factor": 1}, "factor"),
        ({"device": "warp"}, "compute on 'warp'"),
    ],
)
def test_settings_out_of_range(settings, word):
    with pytest.raises(ValueError, match=word):
        FaceDetector(**settings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (7, "this is a int"),
        ({}, "this is a dict"),
        (np.zeros(5), "has 1"),
        (np.array(3), "has 0"),
        (load_cast(), "a table"),
    ],
    ids=["number", "dict", "row", "scalar", "table"],
)
def test_what_is_no_image(detector, given, said):
    with pytest.raises(ValueError, match=said):
        detector.detect(given)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_many_at_once_are_found_as_one_by_one(cast, detector, threads, monkeypatch):
    groups = []
    run = detection.run_cascade
    monkeypatch.setattr(
        detection, "run_cascade", lambda images, mtcnn: groups.append(images.shape) or run(images, mtcnn)
    )
    crowd, tiny = collage(cast), Image.new("RGB", (15, 15))
    images = [*cast.path[:4], crowd, crowd.rotate(180), *cast.path[4:7], tiny, tiny, *cast.path[7:15]]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = detector.detect(images)
    finally:
        torch.set_num_threads(before)
    assert sum(n for n, *_ in groups) == len(images)
    assert max(n for n, *_ in groups) == min(5, len(images) // threads)  # portraits: of 2**19 pixels, or a share
    assert all(n * height * width <= 2**19 for n, height, width, _ in groups)
    for image, faces in zip(images, together, strict=True):
        alone = detector.detect(image)
        assert len(faces) == len(alone)
        np.testing.assert_allclose(faces.boxes, alone.boxes, atol=1e-3)
        np.testing.assert_allclose(faces.landmarks, alone.landmarks, atol=1e-3)
    assert len(detector.detect(path for path in cast.path[:2])) == 2  # of a length that nobody knows


def test_images_larger_than_a_group_go_one_by_one(cast, detector, monkeypatch):
    monkeypatch.setattr(detection, "GROUP", 10)
    assert [len(faces) for faces in detector.detect(cast.path[:3])] == [1, 1, 1]


def test_a_run_that_fails_leaves_no_threads_behind(cast, detector, monkeypatch):
    def fail(images, mtcnn):
        raise MemoryError

    monkeypatch.setattr(detection, "run_cascade", fail)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(MemoryError) as failed:
            detector.detect(cast.path[:20])
        assert not [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert failed.traceback  # which keeps what it was raised through


def test_plain_averages_find_the_same(cast, detector, monkeypatch):
    """What runs where there is no CPU to be fast on."""
    group = collage(cast)
    fast = detector.detect(group)
    monkeypatch.setattr(cascade, "Averages", PlainAverages)
    plain = detector.detect(group)
    assert len(plain) == 3
    np.testing.assert_allclose(fast.boxes, plain.boxes, atol=1e-3)


def test_which_of_many_is_no_image(cast, detector, tmp_path):
    (tmp_path / "notes.jpg").write_text("no photo")
    with pytest.raises(ValueError, match="Image 1 of those given cannot be used"):
        detector.detect([cast.path[0], tmp_path / "notes.jpg"])
    with pytest.raises(FileNotFoundError, match="Image 0 of those given cannot be used"):
        detector.detect([tmp_path / "nothing.jpg"])


# crops


@pytest.mark.parametrize(("size", "margin"), [(160, 0), (160, 32), (96, 0)])
def test_crops_equal_facenet_pytorch_for_pil(cast, detected, size, margin):
    for path, faces in zip(cast.path[::7], detected[::7], strict=True):
        image = open_image(path)
        expected = fixed_image_standardization(extract_face(image, faces.boxes[0], size, margin))
        crops = crop_faces(path, faces[:1], size, margin)
        assert crops.shape == (1, 3, size, size)
        assert crops.dtype == torch.float32
        torch.testing.assert_close(crops[0], expected, rtol=0, atol=0)


def test_crops_equal_what_mtcnn_itself_returns(cast, raw):
    image = open_image(cast.path[8])
    boxes, probs, points = raw.detect(image, landmarks=True)
    faces = Faces(boxes.astype(np.float32), probs.astype(np.float32), points.astype(np.float32))
    torch.testing.assert_close(crop_faces(image, faces), raw(image))


def test_no_faces_no_crops():
    none = Faces(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))
    assert crop_faces(Image.new("RGB", (9, 9)), none, 96).shape == (0, 3, 96, 96)


@pytest.mark.parametrize("angle", [0, 25, -40])
@pytest.mark.parametrize("margin", [0, 40])
def test_aligned_crop_puts_landmarks_on_the_template(angle, margin):
    """Coloured dots at the landmarks of a turned, scaled template come out where the template says."""
    size, turn = 160, np.deg2rad(angle)
    upright = (TEMPLATE - 0.5) * [ASPECT, 1] * 180
    points = upright @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + [200, 170]
    image = Image.new("RGB", (400, 340), "grey")
    for x, y in points:
        ImageDraw.Draw(image).ellipse((x - 5, y - 5, x + 5, y + 5), fill="white")
    box = np.array([[60, 40, 340, 300]], np.float32)
    crop = crop_faces(image, Faces(box, np.ones(1), points[None]), size, margin, align=True)
    pixels = unstandardise(crop)[0].astype(float).mean(2) - 128
    where = (TEMPLATE * (size - margin)) + margin / 2
    for x, y in where:
        patch = np.clip(pixels[int(y) - 9 : int(y) + 10, int(x) - 9 : int(x) + 10], 0, None)
        rows, columns = np.mgrid[int(y) - 9 : int(y) + 10, int(x) - 9 : int(x) + 10]
        centre = (columns * patch).sum() / patch.sum() + 0.5, (rows * patch).sum() / patch.sum() + 0.5
        np.testing.assert_allclose(centre, (x, y), atol=1.0)


def test_alignment_undoes_a_turn_of_the_photo(cast, detector):
    image = open_image(cast.path[8])
    turned = image.rotate(20, Image.Resampling.BICUBIC, fillcolor="grey")
    plain, aligned = (
        [crop_faces(i, detector.detect(i)[:1], 96, align=align) for i in (image, turned)] for align in (False, True)
    )
    assert (aligned[0] - aligned[1]).abs().mean() < 0.5 * (plain[0] - plain[1]).abs().mean()


def test_unstandardise_undoes_standardisation(cast, detected):
    crop = extract_face(open_image(cast.path[0]), detected[0].boxes[0], 160)
    back = unstandardise(fixed_image_standardization(crop)[None])
    np.testing.assert_array_equal(back[0], crop.permute(1, 2, 0).byte().numpy())


@pytest.mark.parametrize(("size", "margin"), [(0, 0), (160, 160), (160, -1)])
def test_crop_sizes_that_make_no_sense(cast, detected, size, margin):
    with pytest.raises(ValueError, match="margin"):
        crop_faces(cast.path[0], detected[0], size, margin)


def test_a_box_of_another_image(cast, detected):
    with pytest.raises(ValueError, match="in which the faces were found"):
        crop_faces(Image.new("RGB", (30, 30)), detected[0])


@pytest.mark.parametrize("side", range(4))
def test_a_box_that_is_not_a_number(cast, detected, side):
    boxes = detected[0].boxes.copy()
    boxes[0, side] = np.nan
    with pytest.raises(ValueError, match="no area"):
        crop_faces(cast.path[0], Faces(boxes, detected[0].probs, detected[0].landmarks))


@pytest.mark.parametrize(
    "spoil",
    [lambda p: p * 0, lambda p: p * np.nan, lambda p: p * 1e5, lambda p: p[:, [1, 0, 2, 4, 3]]],
    ids=["all equal", "NaN", "far too large", "left and right swapped"],
)
def test_landmarks_that_no_face_has(cast, detected, spoil):
    frontal = cast.yaw.abs().idxmin()
    faces = detected[frontal]
    spoilt = Faces(faces.boxes, faces.probs, spoil(faces.landmarks))
    assert crop_faces(cast.path[frontal], spoilt).shape == (1, 3, 160, 160)  # plain crops do not need them
    with pytest.raises(ValueError, match="do not fit the face"):
        crop_faces(cast.path[frontal], spoilt, align=True)


def test_crops_do_not_depend_on_what_the_image_comes_as(cast, detected):
    """facenet-pytorch cuts arrays and tensors by other rules than PIL images, and gets other pixels."""
    image = open_image(cast.path[0])
    tensor = torch.from_numpy(np.array(image))
    expected = crop_faces(cast.path[0], detected[0])
    for form in (image, np.asarray(image), tensor.permute(2, 0, 1)):
        torch.testing.assert_close(crop_faces(form, detected[0]), expected, rtol=0, atol=0)
    raw = fixed_image_standardization(extract_face(tensor, detected[0].boxes[0]))
    assert (raw - expected[0]).abs().max() > 2 / 128


def test_one_crop_alone_is_no_batch(cast, detected):
    with pytest.raises(ValueError, match="n, 3, height, width"):
        unstandardise(crop_faces(cast.path[0], detected[0])[0])


# measures


def faces_of(boxes, probs):
    return Faces(np.asarray(boxes, float).reshape(-1, 4), np.asarray(probs, float), np.zeros((len(probs), 5, 2)))


def test_faces_that_do_not_fit_together():
    with pytest.raises(ValueError, match="wants boxes"):
        Faces(np.zeros((2, 4)), np.zeros(3), np.zeros((2, 5, 2)))


def test_iou_by_counting_pixels():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 20, (8, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1) + 1], axis=1)
    masks = np.zeros((8, 25, 25), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    both = (masks[:, None] & masks[None]).sum((2, 3))
    either = (masks[:, None] | masks[None]).sum((2, 3))
    np.testing.assert_allclose(iou(boxes, boxes), both / either, atol=1e-6)
    np.testing.assert_allclose(iou(boxes.astype(np.float32)[::-1], boxes), (both / either)[::-1], atol=1e-6)
    assert iou(boxes, np.zeros((0, 4))).shape == (8, 0)


def test_a_face_is_found_once():
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10]])
    found = faces_of([[0, 0, 10, 9], [0, 0, 10, 10], [50, 50, 60, 60], [20, 0, 30, 11]], [0.9, 0.8, 0.99, 0.7])
    assert match_boxes(truth, found).tolist() == [0, -1, -1, 1]
    assert match_boxes(np.zeros((0, 4)), found).tolist() == [-1] * 4


def test_average_precision_by_hand():
    truth = [np.array([[0, 0, 10, 10]]), np.array([[0, 0, 10, 10], [20, 0, 30, 10]])]
    found = [
        faces_of([[0, 0, 10, 10], [40, 40, 50, 50]], [0.9, 0.8]),
        faces_of([[0, 0, 10, 10]], [0.7]),
    ]
    # ranked: hit, false alarm, hit; recalls 1/3, 1/3, 2/3; precisions 1, 1/2, 2/3
    assert average_precision(truth, found) == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)


def test_average_precision_against_the_area_under_scikit_learns_curve():
    rng = np.random.default_rng(1)
    truth, found, hits, scores = [], [], [], []
    for _ in range(40):
        probs = rng.random(3)
        hit = rng.random(3) < probs
        grid = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]])
        truth.append(grid[hit])
        found.append(faces_of(grid, probs))
        hits.extend(hit)
        scores.extend(probs)
    precision, recall, _ = precision_recall_curve(hits, scores)
    assert average_precision(truth, found) == pytest.approx(-(np.diff(recall) * precision[:-1]).sum())


def test_average_precision_has_its_ends():
    truth = [np.array([[0, 0, 10, 10]])]
    assert average_precision(truth, [faces_of([[0, 0, 10, 10]], [0.9])]) == 1
    assert average_precision(truth, [faces_of([[5, 5, 90, 90]], [0.9])]) == 0
    assert average_precision(truth, [faces_of([], [])]) == 0
    with pytest.raises(ValueError, match="1 images have true boxes and 0 have detections"):
        average_precision(truth, [])
    with pytest.raises(ValueError, match="no true face"):
        average_precision([np.zeros((0, 4))], [faces_of([], [])])
