"""Where the public data sets lie."""

# The original archive: Kermany, Zhang, Goldbaum, DOI 10.17632/rscbjbr9sj.2, CC BY 4.0; 1,235,512,464 bytes.
MENDELEY_URL = (
    "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/"
    "f12eaf6d-6023-432f-acc9-80c9d7393433/file_downloaded"
)
MENDELEY_SHA256 = "13efc055629733dbab07877f8b3c9f81097840dbcdaa326a8542322c2281ce36"
