"""Where and how a network runs: device, precision, memory, threads; and a worker off the caller's thread.

`devices` chooses the device and the number of threads, `precision` measures which number format and memory
layout is fastest, `memory` estimates a forward pass before it is run, `fallback` repeats on the CPU what did
not fit on the GPU, and `worker` runs a session in the background with progress and cancel.
"""
