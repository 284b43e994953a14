"""What this runs on: device, threads, the processes of one job, and the signals that end it."""
