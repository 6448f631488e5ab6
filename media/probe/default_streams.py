"""The streams of a file that players choose: the default picture and the default sound."""

import av


def find_video_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """Return the moving picture of a container that can be decoded: the default one, else the first."""
    found = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & type(stream.disposition).attached_pic
    ]
    return next((one for one in found if one.disposition & type(one.disposition).default), found[0] if found else None)


def find_audio_stream(container: av.container.InputContainer) -> av.AudioStream | None:
    """Return the sound of a container that can be decoded: the default one, else the first."""
    found = list_audio_streams(container)
    return next((one for one in found if one.disposition & type(one.disposition).default), found[0] if found else None)


def list_audio_streams(container: av.container.InputContainer) -> list[av.AudioStream]:
    """Return the sounds of a container that can be decoded."""
    return [
        stream
        for stream in container.streams.audio
        if (codec := stream.codec_context) is not None and codec.sample_rate and codec.format is not None
    ]
