"""Threads of decoder and encoder, so that an encoder's memory does not grow with the processors of its machine.

Each thread of FFmpeg's decoders that works on a picture of its own keeps that picture, and x264 keeps some for each of
its threads. What an encoder takes then is measured in docs/decisions/0013-media-in-a-process-that-may-die.md.
"""

import os

import av

from media.pictures.decoding import count_picture_bytes

MAX_THREAD_PICTURES_BYTES = 128 << 20
"""For pictures that are decoded at the same time: five of 4K in 10 bits."""
MAX_BESIDE_LARGE_BYTES = 60 << 20
"""The same where pictures larger than HD are encoded, of which x264 keeps many: two of 4K in 10 bits."""
MAX_DECODER_THREADS = 8
MAX_ENCODER_THREADS = 8


def count_processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_decoder_threads(stream: av.VideoStream, max_bytes: int = MAX_THREAD_PICTURES_BYTES) -> None:
    """Let a decoder work on as many pictures at once as fit; on the slices of one picture where not even two do."""
    codec = stream.codec_context
    count = min(MAX_DECODER_THREADS, count_processors())
    fitting = max_bytes // max(1, count_picture_bytes(codec))
    codec.thread_type = "AUTO" if fitting > 1 else "SLICE"
    codec.thread_count = min(count, fitting) if fitting > 1 else count


def limit_encoder_threads(codec: av.VideoCodecContext) -> None:
    """Limit the threads of an encoder."""
    codec.thread_count = min(MAX_ENCODER_THREADS, count_processors())
