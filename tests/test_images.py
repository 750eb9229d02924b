"""`open_image` against pixels known beforehand: every kind of file, array and error."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facelab.images import MAX_PIXELS, open_image

RGB = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
GREY = RGB[..., 0]


def pixels(source, **options):
    image = open_image(source, **options)
    assert isinstance(image, Image.Image)
    assert image.mode == "RGB"
    return np.asarray(image)


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def refusal(source, error=ValueError, **options):
    """Return the message with which `open_image` refuses, after checking that it is one sentence."""
    with pytest.raises(error) as caught:
        open_image(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message[0].isupper() or message[0] == "/" or message.startswith("bgr")
    assert message.endswith(".")
    assert ". " not in message
    assert len(message) < 300
    return message


def test_refusal_notices_what_is_not_refused():
    with pytest.raises(pytest.fail.Exception):
        refusal(RGB)


# --- where an image comes from -------------------------------------------------------------------------------------


def test_every_source_gives_the_same_pixels(tmp_path, monkeypatch):
    path = tmp_path / "photo.png"
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    for source in (
        path,
        str(path),
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
        RGB,
        Image.fromarray(RGB),
    ):
        np.testing.assert_array_equal(pixels(source), RGB)
    with path.open("rb") as stream:
        stream.read(10)  # a stream that was read from before is read from its beginning
        np.testing.assert_array_equal(pixels(stream), RGB)
        assert not stream.closed
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    np.testing.assert_array_equal(pixels("~/photo.png"), RGB)


def test_source_is_left_as_it_was():
    array, image = RGB.copy(), Image.fromarray(RGB)
    for source in (array, image):
        open_image(source).paste("black", (0, 0, 32, 24))
        np.testing.assert_array_equal(np.asarray(source), RGB)


def test_opening_twice_changes_nothing():
    once = open_image(encoded(Image.fromarray(RGB), "PNG", exif=oriented(6)))
    np.testing.assert_array_equal(pixels(once), np.asarray(once))


# --- EXIF rotation -------------------------------------------------------------------------------------------------

# Where the stored row 0 and column 0 lie in the upright picture: the EXIF standard's own table (tag 274).
EXIF_SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def oriented(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    return exif


def upright(stored, orientation):
    """Move every pixel to where the standard's table says, one at a time."""
    height, width = stored.shape[:2]
    sides = EXIF_SIDES[orientation]
    lying = sides[0] in ("left", "right")
    result = np.zeros((width, height, 3) if lying else (height, width, 3), np.uint8)
    last_y, last_x = result.shape[0] - 1, result.shape[1] - 1
    for row in range(height):
        for column in range(width):
            place = {}
            for side, steps in zip(sides, (row, column), strict=True):
                if side in ("top", "bottom"):
                    place["y"] = steps if side == "top" else last_y - steps
                else:
                    place["x"] = steps if side == "left" else last_x - steps
            result[place["y"], place["x"]] = stored[row, column]
    return result


@pytest.mark.parametrize("orientation", EXIF_SIDES)
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_exif_orientation(kind, options, orientation):
    data = encoded(Image.fromarray(RGB), kind, exif=oriented(orientation), **options)
    np.testing.assert_array_equal(pixels(data), upright(RGB, orientation))
    np.testing.assert_array_equal(pixels(Image.open(io.BytesIO(data))), upright(RGB, orientation))


@pytest.mark.parametrize("orientation", EXIF_SIDES)
def test_exif_orientation_of_a_jpeg(orientation):
    image = Image.fromarray(RGB)
    plain = np.asarray(Image.open(io.BytesIO(encoded(image, "JPEG"))))
    turned = pixels(encoded(image, "JPEG", exif=oriented(orientation)))
    np.testing.assert_array_equal(turned, upright(plain, orientation))


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM", b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_damaged_exif_block_does_not_cost_the_photo(exif):
    image = Image.fromarray(RGB)
    plain = np.asarray(Image.open(io.BytesIO(encoded(image, "JPEG"))))
    np.testing.assert_array_equal(pixels(encoded(image, "JPEG", exif=exif)), plain)


# --- kinds of pixels -----------------------------------------------------------------------------------------------


def over_white(colour, alpha):
    alpha = alpha[..., None].astype(float) / 255
    return colour * alpha + 255 * (1 - alpha)


def test_alpha_is_laid_over_white():
    alpha = np.linspace(0, 255, GREY.size).reshape(GREY.shape).astype(np.uint8)
    rgba = np.dstack([RGB, alpha])
    for source in (encoded(Image.fromarray(rgba), "PNG"), rgba, np.moveaxis(rgba, -1, 0), torch.from_numpy(rgba)):
        np.testing.assert_allclose(pixels(source), over_white(RGB, alpha), atol=1)
    grey_alpha = Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(alpha)))
    for source in (encoded(grey_alpha, "PNG"), grey_alpha):
        np.testing.assert_allclose(pixels(source), over_white(np.dstack([GREY] * 3), alpha), atol=1)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_transparent_colour_becomes_white(mode):
    black = {"1": 0, "L": 0, "RGB": (0, 0, 0)}[mode]
    image = Image.new(mode, (4, 2), {"1": 1, "L": 100, "RGB": (10, 20, 30)}[mode])
    image.putpixel((1, 0), black)
    got = pixels(encoded(image, "PNG", transparency=black))
    assert got[0, 1].tolist() == [255, 255, 255]
    assert got[1, 0].tolist() == {"1": [255] * 3, "L": [100] * 3, "RGB": [10, 20, 30]}[mode]


def test_palette_with_and_without_transparency():
    palette = Image.new("P", (3, 1))
    palette.putpalette([200, 10, 20, 30, 210, 40, 50, 60, 220])
    palette.putdata([0, 1, 2])
    colours = [[200, 10, 20], [30, 210, 40], [50, 60, 220]]
    assert pixels(encoded(palette, "PNG"))[0].tolist() == colours
    assert pixels(encoded(palette, "GIF"))[0].tolist() == colours
    white = [255, 255, 255]
    assert pixels(encoded(palette, "PNG", transparency=1))[0].tolist() == [colours[0], white, colours[2]]
    assert pixels(encoded(palette, "GIF", transparency=1))[0].tolist() == [colours[0], white, colours[2]]
    half = pixels(encoded(palette, "PNG", transparency=bytes([255, 128, 0])))[0]
    np.testing.assert_allclose(half, [colours[0], [142, 232, 147], white], atol=1)


def test_cmyk():
    cmyk = np.zeros((8, 8, 4), np.uint8)
    cmyk[:, :4] = [0, 255, 255, 0]  # no cyan, all magenta and yellow: red
    cmyk[:, 4:] = [0, 0, 0, 255]  # all black
    image = Image.fromarray(cmyk, mode="CMYK")
    for source in (encoded(image, "JPEG", quality=100), encoded(image, "TIFF"), image):
        got = pixels(source)
        np.testing.assert_allclose(got[4, 1], [255, 0, 0], atol=6)
        np.testing.assert_allclose(got[4, 6], [0, 0, 0], atol=6)


def test_sixteen_bits_are_scaled_not_clipped():
    deep = np.linspace(0, 65535, 24 * 32).reshape(24, 32).astype(np.uint16)
    expected = np.dstack([deep.astype(float) * 255 / 65535] * 3)
    image = Image.fromarray(deep)
    assert image.mode == "I;16"
    wide = Image.fromarray(deep.astype(np.int32))
    assert wide.mode == "I"
    sources = [image, wide, encoded(image, "PNG"), encoded(image, "TIFF"), encoded(wide, "TIFF"), encoded(image, "PPM")]
    sources += [deep, deep.astype(">u2"), torch.from_numpy(deep)]
    for source in sources:
        np.testing.assert_allclose(pixels(source), expected, atol=0.51)
    rgb = np.dstack([deep, deep[::-1], deep[:, ::-1]])
    np.testing.assert_allclose(pixels(rgb), rgb * (255 / 65535), atol=0.51)
    big_endian = Image.frombytes("I;16B", (32, 24), deep.astype(">u2").tobytes())
    np.testing.assert_allclose(pixels(big_endian), expected, atol=0.51)
    turned = encoded(image, "PNG", exif=oriented(6))
    np.testing.assert_allclose(pixels(turned), np.rot90(expected, -1), atol=0.51)


def test_a_mode_i_image_of_eight_bit_values_stays_as_bright_as_it_is():
    np.testing.assert_array_equal(pixels(Image.fromarray(GREY.astype(np.int32))), np.dstack([GREY] * 3))


def test_a_mode_i_image_out_of_range():
    assert "values from -5 to 3" in refusal(Image.fromarray(np.array([[-5, 3]], np.int32)))
    assert "to 7e+04" in refusal(Image.fromarray(np.array([[0, 70_000]], np.int32)))


def test_mode_f():
    for image in (Image.fromarray(GREY.astype(np.float32)), Image.fromarray(GREY.astype(np.float32) / 255)):
        assert image.mode == "F"
        np.testing.assert_array_equal(pixels(image), np.dstack([GREY] * 3))
        np.testing.assert_array_equal(pixels(encoded(image, "TIFF")), np.dstack([GREY] * 3))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF", "PPM"])
def test_grey_and_one_bit(kind):
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(GREY), kind)), np.dstack([GREY] * 3))
    bits = GREY > 127
    for source in (encoded(Image.fromarray(bits), kind), Image.fromarray(bits), bits, torch.from_numpy(bits)):
        np.testing.assert_array_equal(pixels(source), np.dstack([bits * 255] * 3))


@pytest.mark.parametrize("mode", ["HSV", "YCbCr"])
def test_other_colour_spaces(mode):
    np.testing.assert_allclose(
        pixels(Image.new("RGB", (4, 4), (200, 40, 60)).convert(mode))[0, 0], [200, 40, 60], atol=3
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(kind):
    red, blue = Image.new("RGB", (8, 6), (255, 0, 0)), Image.new("RGB", (8, 6), (0, 0, 255))
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(red, kind, save_all=True, append_images=[blue], **options)
    assert Image.open(io.BytesIO(data)).n_frames == 2
    np.testing.assert_array_equal(pixels(data), np.asarray(red))


# --- arrays and tensors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint32, np.float16, np.float32, np.float64])
def test_dtypes_from_0_to_255(dtype):
    np.testing.assert_array_equal(pixels(RGB.astype(dtype)), RGB)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_from_0_to_1(dtype):
    np.testing.assert_array_equal(pixels((RGB / 255).astype(dtype)), RGB)
    np.testing.assert_array_equal(
        pixels((RGB / 255 * 1.001 - 0.0005).astype(dtype)), np.rint(RGB * 1.001 - 0.1275).clip(0, 255)
    )


def test_channels_first_and_layouts():
    for array in (RGB, np.moveaxis(RGB, -1, 0), np.asfortranarray(RGB), np.repeat(RGB, 2, 1)[:, ::2]):
        np.testing.assert_array_equal(pixels(array), RGB)
    for array in (GREY, GREY[..., None], GREY[None]):
        np.testing.assert_array_equal(pixels(array), np.dstack([GREY] * 3))


def test_tensors():
    last, first = torch.from_numpy(RGB), torch.from_numpy(RGB).permute(2, 0, 1)
    for tensor in (last, first, last.float(), first.double() / 255, (first / 255).requires_grad_()):
        np.testing.assert_array_equal(pixels(tensor), RGB)
    np.testing.assert_allclose(pixels((first / 255).bfloat16()), RGB, atol=1)
    np.testing.assert_array_equal(pixels(torch.from_numpy(GREY)), np.dstack([GREY] * 3))


def test_where_both_readings_fit_arrays_have_channels_last_and_tensors_first():
    both = RGB[:3, :5].transpose(0, 1, 2)[:, :3]
    np.testing.assert_array_equal(pixels(both), both)
    np.testing.assert_array_equal(pixels(torch.from_numpy(both.copy())), both.transpose(1, 2, 0))


def test_bgr():
    bgr = RGB[..., ::-1]
    for source in (bgr, np.moveaxis(bgr, -1, 0), torch.from_numpy(bgr.copy()), Image.fromarray(bgr.copy()), bgr / 255):
        np.testing.assert_array_equal(pixels(source, bgr=True), RGB)
    np.testing.assert_array_equal(pixels(GREY, bgr=True), np.dstack([GREY] * 3))
    assert "leave bgr out" in refusal("photo.jpg", bgr=True)


def test_torch_is_not_imported():
    code = "import sys, facelab.images; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- what is refused -----------------------------------------------------------------------------------------------


def test_no_such_file(tmp_path):
    assert "There is no file at" in refusal(tmp_path / "nobody.jpg", FileNotFoundError)


def test_a_folder(tmp_path):
    assert "is a folder" in refusal(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "secret.jpg"
    path.touch()

    def forbid(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbid)
    assert "cannot be read (Permission denied)" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"dear diary", b"<!DOCTYPE html><html></html>", bytes(1000)])
def test_not_an_image(tmp_path, content):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for source in (path, content, io.BytesIO(content)):
        assert "is not an image" in refusal(source)


def test_a_text_stream():
    refusal(io.StringIO("dear diary"))


@pytest.mark.parametrize("source", [None, 7, 0.5, ["a.jpg", "b.jpg"], {"path": "a.jpg"}])
def test_not_a_source(source):
    assert f"this is a {type(source).__name__}" in refusal(source)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_cut_anywhere_is_refused(progressive):
    data = encoded(Image.fromarray(RGB), "JPEG", progressive=progressive)
    for end in range(0, len(data), 7):
        refusal(data[:end])
    assert "cut short" in refusal(data[: len(data) // 2 + 200])


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_other_files_cut_short_are_refused(kind):
    data = encoded(Image.fromarray(RGB), kind)
    refusal(data[: len(data) // 2])


def test_a_cut_file_opened_by_pillow_is_refused_too():
    data = encoded(Image.fromarray(RGB), "JPEG")
    assert "The PIL image is damaged" in refusal(Image.open(io.BytesIO(data[:-40])))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_flipped_bytes_are_refused_in_one_sentence_or_survived(kind):
    rng = np.random.default_rng(1)
    data = np.frombuffer(encoded(Image.fromarray(RGB), kind), np.uint8)
    for _ in range(100):
        damaged = data.copy()
        damaged[rng.integers(0, min(len(data), 200), 4)] = rng.integers(0, 256, 4)
        try:
            open_image(damaged.tobytes())
        except ValueError:
            refusal(damaged.tobytes())


def test_a_mode_without_a_conversion():
    assert "cannot read" in refusal(Image.new("La", (2, 2)))


def huge_png(width, height):
    """A valid one-bit PNG of any size, row by row, without an image of that size in memory."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    compressor = zlib.compressobj()
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (10_000, 9_000), (9_000, 9_000)])
def test_a_huge_image_is_refused_before_it_is_decoded(width, height, monkeypatch):
    """Above Pillow's error, between its warning and its error, and below both."""
    data = huge_png(width, height)
    assert len(data) < 200_000

    def decode(*_):
        raise AssertionError("it was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    assert f"more than {MAX_PIXELS:,} pixels" in refusal(data)


def test_the_huge_image_is_a_valid_one():
    assert not np.asarray(open_image(huge_png(3_001, 2))).any()


def test_a_huge_array():
    assert "(10,000 × 9,000)" in refusal(np.broadcast_to(np.uint8(0), (9_000, 10_000)))


def test_one_pixel_is_an_image():
    assert open_image(np.zeros((1, 1, 3), np.uint8)).size == (1, 1)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 5, 3), (3, 0, 0)])
def test_no_pixels(shape):
    for array in (np.zeros(shape, np.uint8), np.zeros(shape, np.float32), torch.zeros(shape)):
        assert "at least one pixel" in refusal(array)
    assert "at least one pixel" in refusal(Image.new("RGB", (0, 5)))


@pytest.mark.parametrize("shape", [(), (5,), (5, 5, 2), (5, 5, 5), (1, 3, 5, 5), (2, 5, 5, 3)])
def test_wrong_shapes(shape):
    for array in (np.zeros(shape, np.uint8), torch.zeros(shape)):
        assert f"has the shape {shape}" in refusal(array)


@pytest.mark.parametrize("dtype", [complex, object, "U1", "datetime64[s]"])
def test_wrong_dtypes(dtype):
    assert "pixels are numbers" in refusal(np.zeros((4, 4)).astype(dtype))


@pytest.mark.parametrize(
    ("values", "range_"),
    [
        ([0.0, np.nan], "nan to nan"),
        ([0.0, np.inf], "0 to inf"),
        ([-np.inf, 0.0], "-inf to 0"),
        ([-1.0, 1.0], "-1 to 1"),  # standardised
        ([0.0, 1.05], "0 to 1.05"),  # overshoots: read as 0 to 255 it would be black, and no face would be found
        ([0.0, 256.0], "0 to 256"),
    ],
)
def test_floats_out_of_range(values, range_):
    for dtype in (np.float32, np.float64):
        assert f"values from {range_}" in refusal(np.array([values], dtype))
    assert f"values from {range_}" in refusal(torch.tensor([values]))
    assert f"values from {range_}" in refusal(Image.fromarray(np.array([values], np.float32)))


@pytest.mark.parametrize("values", [[-1, 5], [0, 256], [0, 70_000]])
def test_whole_numbers_out_of_range(values):
    assert "from 0 to 255" in refusal(np.array([values]))
