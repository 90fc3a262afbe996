"""A server on the loopback that speaks S3 and asks for the right key."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

BUCKET = "shared"
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


@contextmanager
def serving() -> Iterator[tuple[str, dict[str, str]]]:
    """Its address, and the environment with which alone its bucket can be read and written."""
    import boto3
    import requests
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    try:
        anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=address, **anybody).create_bucket(Bucket=BUCKET)
        iam = boto3.client("iam", endpoint_url=address, **anybody)
        iam.create_user(UserName="member")
        iam.put_user_policy(UserName="member", PolicyName="all", PolicyDocument=POLICY)
        key = iam.create_access_key(UserName="member")["AccessKey"]
        requests.post(f"{address}/moto-api/reset-auth", data="0", timeout=10)
        yield (
            address,
            {
                "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
                "AWS_DEFAULT_REGION": "us-east-1",
            },
        )
    finally:
        # What moto keeps and whom it lets in is one state for all servers of this process: the next asks anew.
        requests.post(f"{address}/moto-api/reset-auth", data="inf", timeout=10)
        requests.post(f"{address}/moto-api/reset", timeout=10)
        server.stop()
