"""What is measured: benchmark files, samples, values, prompts, floors, and data that PeakBench renders."""
