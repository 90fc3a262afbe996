from cxr import machine


def test_peak_memory_is_that_of_a_process_with_keras() -> None:
    assert 100 < machine.peak_memory_mib() < 100_000
