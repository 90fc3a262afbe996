import pytest

from bench import floor
from bench.networks import DENSE_UNITS, FILTERS
from bench.ways import BATCH_SIZE


def test_a_step_needs_what_can_be_counted_by_hand() -> None:
    """C-P-F-D on 4 x 4 pixels: three products per layer, but no gradient of the images."""
    maps, pooled = 4 * 4 * FILTERS[0], 2 * 2 * FILTERS[0]
    weights = [9 * FILTERS[0], pooled * DENSE_UNITS, DENSE_UNITS]
    flops = 2 * (2 * maps * 9 + 3 * weights[1] + 3 * weights[2])
    values = 2 * 16 + 2 * maps + 2 * (maps + pooled) + 3 * pooled + 3 * DENSE_UNITS
    assert floor.needs("C-P-F-D", 4, value_bytes=2) == (
        BATCH_SIZE * flops,
        BATCH_SIZE * values * 2 + 4 * floor.ADAM_PASSES * sum(weights),
    )


def test_a_faster_machine_has_a_lower_floor() -> None:
    slow, fast = (floor.Machine("float32", flops, 1e10, 4) for flops in (1e11, 1e12))
    layers = "C-P-C-F-D-D"
    assert floor.seconds_per_batch(layers, 32, slow) > floor.seconds_per_batch(layers, 32, fast) > 0


def test_a_residual_network_needs_its_products() -> None:
    """The stem on 4 x 4 pixels gives 2 x 2; the only block 1 x 1, with a way around; then three logits."""
    products = 2 * 2 * 9 + 1 * (9 * 2 + 9 * 2 * 2 + 1 * 2) + 2 * 3
    assert floor.needs("residual-2", 4, value_bytes=2) == (BATCH_SIZE * 3 * 2 * products, 0)


@pytest.mark.parametrize("times", [1, 2])
def test_the_rates_of_a_machine_are_positive(times: int) -> None:
    machine = floor.measure([(8, 4, 4)], n_floats=1000, times=times)
    assert machine.flops > 0
    assert machine.bandwidth > 0
