"""Sound: channel layouts, conversion where it changes on its way, and waveforms."""
