"""An exchange in memory, as rude as the original, and the clock that runs it in no time."""
