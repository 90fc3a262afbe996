"""A store of S3 on the loopback."""

import boto3
import pytest
from botocore.exceptions import ClientError

from bench import store


def names(address: str, key: dict[str, str]) -> list[str]:
    """What the store's bucket holds, asked with this key."""
    client = boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        region_name=key["AWS_DEFAULT_REGION"],
    )
    client.put_object(Bucket=store.BUCKET, Key=address, Body=b"")
    return [found["Key"] for found in client.list_objects_v2(Bucket=store.BUCKET)["Contents"]]


def test_each_store_is_empty_and_knows_its_own_key_alone() -> None:
    with store.serving() as (address, key):
        assert names(address, key) == [address]
    with store.serving() as (address, other):
        assert names(address, other) == [address]
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            names(address, key)
