"""The device, threads and memory, the processes of a distributed job, and signals that interrupt it."""
