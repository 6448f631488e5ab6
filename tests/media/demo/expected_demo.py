"""What the demo has to become, in the form of `tapeless plan --json`: read by every test that groups the demo."""

MISSING_FRAME = "vfx/coffee_cup_v042/coffee_cup_v042.1024.exr"
FRAMES = [
    name
    for number in range(1001, 1049)
    if (name := f"vfx/coffee_cup_v042/coffee_cup_v042.{number}.exr") != MISSING_FRAME
]

EXPECTED = [
    {
        "title": "poster",
        "formats": [{"kind": "image", "files": ["artwork/poster.png"]}],
        "sidecars": [],
    },
    {
        "title": "client_notes_final_v7",
        "formats": [{"kind": "document", "files": ["documents/client_notes_final_v7.txt"]}],
        "sidecars": [],
    },
    {
        "title": "editor_at_four_am",
        "formats": [
            {
                "kind": "separate_tracks",
                "files": [
                    "interviews/editor_at_four_am_A1.wav",
                    "interviews/editor_at_four_am_A2.wav",
                    "interviews/editor_at_four_am_V1.mov",
                ],
            }
        ],
        "sidecars": [],
    },
    {
        "title": "fix_it_in_post",
        "formats": [
            {
                "kind": "captioned_video",
                "files": [
                    "interviews/fix_it_in_post.de.srt",
                    "interviews/fix_it_in_post.en.srt",
                    "interviews/fix_it_in_post.mp4",
                ],
            }
        ],
        "sidecars": [],
    },
    {
        "title": "final_final_really_final",
        "formats": [
            {"kind": "single", "files": ["masters/final_final_really_final.mov"]},
            {"kind": "transcode", "files": ["masters/final_final_really_final_h264.mp4"]},
        ],
        "sidecars": [],
    },
    {
        "title": "boom_in_shot",
        "formats": [{"kind": "single", "files": ["rushes/boom_in_shot.mp4"]}],
        "sidecars": [],
    },
    {
        "title": "sc07_kitchen",
        "formats": [
            {
                "kind": "multi_camera",
                "files": ["rushes/sc07_kitchen_camA.mp4", "rushes/sc07_kitchen_camB.mp4"],
            }
        ],
        "sidecars": [],
    },
    {
        "title": "the_good_take",
        "formats": [{"kind": "single", "files": ["rushes/the_good_take.mp4"]}],
        "sidecars": ["rushes/the_good_take.xmp"],
    },
    {
        "title": "room_tone",
        "formats": [{"kind": "audio", "files": ["sound/room_tone.wav"]}],
        "sidecars": [],
    },
    {
        "title": "goldfish",
        "formats": [{"kind": "stereoscopic", "files": ["stereo/goldfish_L.mov", "stereo/goldfish_R.mov"]}],
        "sidecars": [],
    },
    {
        "title": "coffee_cup_v042",
        "formats": [{"kind": "image_sequence", "files": FRAMES}],
        "sidecars": [],
    },
]
"""Assets by their smallest path, formats with the original first, files bytewise."""

IGNORED = ["incoming/the_missing_reel.mp4.part", "rushes/.DS_Store"]
