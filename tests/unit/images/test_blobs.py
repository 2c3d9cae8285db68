"""Blobs on their way in: whole or not at all, gone on with, fetched once."""

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from wardian import errors
from wardian.images import blobs
from wardian.images.layout import Layout

DATA = os.urandom(3 << 20)
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


def ingest(layout: Layout, size: int = len(DATA)) -> blobs.Ingest:
    return blobs.Ingest(layout, DIGEST, size)


def left(layout: Layout) -> list[str]:
    return os.listdir(f"{layout.path}/ingest")


def test_a_blob_is_there_only_after_its_commit(layout: Layout) -> None:
    with ingest(layout) as one:
        one.write(DATA)
        assert not blobs.has(layout, DIGEST)
        one.commit()
        assert blobs.has(layout, DIGEST, len(DATA))
    assert left(layout) == []
    assert blobs.read(layout, DIGEST, 1 << 30) == DATA
    blobs.verify(layout, DIGEST)


def test_a_second_one_finds_it_and_reads_the_same_bytes(layout: Layout) -> None:
    with ingest(layout) as one:
        one.write(DATA)
        one.commit()
    with ingest(layout) as again:
        assert again.is_done
        assert again.reader().read() == DATA
        again.commit()
    assert left(layout) == []


def test_what_broke_off_is_gone_on_with(layout: Layout) -> None:
    with ingest(layout) as one:
        one.write(DATA[:1000])
    assert left(layout) != []
    with ingest(layout) as again:
        assert (again.at, again.resumed) == (1000, 1000)
        again.write(DATA[1000:])
        again.commit()
    assert blobs.read(layout, DIGEST, 1 << 30) == DATA


def test_nothing_stays_of_a_blob_of_which_nothing_came(layout: Layout) -> None:
    with ingest(layout):
        pass
    assert left(layout) == []


def test_a_wrong_digest_leaves_nothing(layout: Layout) -> None:
    with ingest(layout) as one:
        one.write(DATA[:-1] + b"x" if DATA[-1:] != b"x" else DATA[:-1] + b"y")
        with pytest.raises(errors.SpecError, match=DIGEST):
            one.commit()
    assert not blobs.has(layout, DIGEST)
    assert left(layout) == []


def test_more_bytes_than_promised_are_refused_while_they_come(layout: Layout) -> None:
    with ingest(layout, 1000) as one, pytest.raises(errors.SpecError):
        one.write(DATA[:1001])


def test_what_is_longer_than_the_blob_is_begun_anew(layout: Layout) -> None:
    Path(layout.ingest_path(DIGEST)).write_bytes(DATA + b"more")
    with ingest(layout) as one:
        assert one.at == 0
        one.write(DATA)
        one.commit()
    assert blobs.has(layout, DIGEST, len(DATA))


def test_a_reader_sees_the_bytes_while_they_come_and_the_end_when_they_are_verified(
    layout: Layout,
) -> None:
    got: list[bytes] = []
    with ingest(layout) as one:
        reader = threading.Thread(target=lambda: got.append(one.reader().read()))
        reader.start()
        for at in range(0, len(DATA), 1 << 19):
            one.write(DATA[at : at + (1 << 19)])
        one.commit()
        reader.join()
    assert got == [DATA]


def test_a_reader_gets_the_writer_s_error(layout: Layout) -> None:
    with pytest.raises(errors.SpecError, match="broken"), ingest(layout) as one:  # noqa: PT012
        one.write(DATA[:10])
        stream = one.reader()
        assert stream.read(10) == DATA[:10]
        one.growth.fail(errors.SpecError("broken"))
        stream.read(1)


def test_who_waits_for_another_can_give_up(layout: Layout) -> None:
    class GaveUpError(Exception):
        pass

    def give_up() -> None:
        raise GaveUpError

    with ingest(layout) as one:
        one.write(DATA[:1])
        with pytest.raises(GaveUpError):
            blobs.Ingest(layout, DIGEST, len(DATA), on_wait=give_up)


def test_a_blob_that_no_disk_has_room_for_is_refused_before_it_is_fetched(layout: Layout) -> None:
    with pytest.raises(errors.HostError, match=r"needs .* and the disk") as raised:
        ingest(layout, 1 << 60)
    assert "prune" in raised.value.hint
    assert left(layout) == []


def test_a_full_disk_leaves_nothing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "")

    with ingest(layout) as one:
        one.write(DATA[:10])
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(errors.KernelError, match="no space"):
            one.write(DATA[10:])
    assert left(layout) == []


def test_a_blob_that_is_not_there_or_too_large_is_told(layout: Layout) -> None:
    with pytest.raises(errors.NotFoundError, match=DIGEST):
        blobs.read(layout, DIGEST, 10)
    blobs.put(layout, DATA)
    with pytest.raises(errors.SpecError, match="larger than 10"):
        blobs.read(layout, DIGEST, 10)
    Path(layout.blob_path(DIGEST)).write_bytes(DATA[:-1] + b"?")
    with pytest.raises(errors.SpecError):
        blobs.verify(layout, DIGEST)


def test_only_what_nobody_is_at_is_discarded(layout: Layout) -> None:
    with ingest(layout) as one:
        one.write(DATA[:10])
        blobs.discard_ingest(layout, DIGEST)
        assert left(layout) != []
    blobs.discard_ingest(layout, DIGEST)
    assert left(layout) == []
    blobs.discard_ingest(layout, DIGEST)  # there is none
