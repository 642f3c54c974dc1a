"""The scenario that `simulator demo` rehearses when none is given."""

SAMPLE_NAME = "Refunds of an online shop"

SAMPLE_SCENARIO = (
    "An online shop wants refund requests by email checked against policy and order history, "
    "small refunds paid automatically, large ones approved by a manager, and the customer told "
    "within an hour."
)
