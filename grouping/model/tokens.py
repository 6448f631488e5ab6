"""Tokens in file names that mark eye, camera, track or rendition. Tables to read and extend.

A token counts only as a whole word, in either case; a storage's profile can replace each table.
"""

NAME_SEPARATORS = b" ._-"

EYE_TOKENS: tuple[tuple[str, str], ...] = (("left", "right"), ("l", "r"), ("lefteye", "righteye"))
"""Left eye first."""

FRAME_PACKED_TOKENS = frozenset(b"sbs hsbs fsbs hsbs3d htab tab ftab hou ou".split())
"""Both eyes in one picture: such a file is a single, regardless of other tokens."""

CAMERA_TOKENS: tuple[str, ...] = ("cam", "camera", "kamera", "kam")

VIDEO_TRACK_TOKENS: tuple[str, ...] = ("v", "video", "vid")
AUDIO_TRACK_TOKENS: tuple[str, ...] = ("a", "ch", "track", "trk", "tr", "aud", "audio", "channel")
AUDIO_CHANNEL_TOKENS = frozenset(b"l r c lfe ls rs lss rss lrs rrs lb rb lt rt lo ro".split())
"""Speaker names that split mixes use instead of a number; valid for audio alone."""

MASTER_TOKENS = "prores proreshq prores422 prores422hq prores4444 proreslt proresproxy dnxhd dnxhr dnx cineform"
RESOLUTION_TOKENS = """
8k 4320p 6k uhd 4k 2160p 2160i 2k 1440p fhd 1080p 1080i hd 720p 720i 576p 576i 540p sd 480p 480i 432p 360p 240p 144p
"""
CODEC_TOKENS = "h265 x265 hevc av1 vp9 h264 x264 avc vp8 mpeg4 mpeg2 xvid divx mjpeg"
PROXY_TOKENS = "web mobile transcode transcoded rendition lowres lores low_res preview proxy proxies prx"
"""Words that say only that better files exist; among renditions they come last, with any other token."""

RENDITION_TOKENS: tuple[str, ...] = tuple(f"{MASTER_TOKENS} {RESOLUTION_TOKENS} {CODEC_TOKENS} {PROXY_TOKENS}".split())
"""From best to lowest quality: among renditions without their original, the earliest replaces it."""
