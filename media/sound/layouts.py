"""Channel layouts of sounds and decoders, read without breaking the memory of the process.

PyAV (since https://github.com/PyAV-Org/PyAV/pull/2284) frees the list of channels of a layout object, which it shares
with the sound or decoder that the object came from: that frees it again, and the process aborts. Only layouts with an
order of their own have such a list: MOV, CAF and AAC may have one.
"""

import ctypes

import av


def keep_layout(owner: av.AudioFrame | av.AudioCodecContext) -> av.AudioLayout:
    """Return the layout of a sound or a decoder, for use while that lives, in an object that is never freed.

    Decoding calls this for each sound: what is kept of it are 64 bytes.
    """
    layout = owner.layout
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return layout


def is_unnamed(layout: av.AudioLayout) -> bool:
    """Whether nothing says which speaker each channel is for."""
    return layout.name.endswith("channels")
