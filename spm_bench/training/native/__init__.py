"""Loaders of data sets in their own layouts: crops are cut from the whole pictures when they are read.

Each is `load_<kind>(root, *, name, ...) -> Rows`. Boxes whose context s_z is below
`crops.SMALLEST` pixels are left out.
"""

NATIVE = {
    "got10k": "GOT-10k train: list.txt and folders of sequences",
    "lasot": "LaSOT, its training sequences: <category>/<category>-N/img",
    "coco": "COCO: annotations/instances_<split>.json and <split>/",
    "imagenet_vid": "ImageNet VID: Annotations/VID and Data/VID",
    "imagenet_det": "ImageNet DET: Annotations/DET and Data/DET",
    "youtube_bb": "YouTube-BoundingBoxes: its csv and decoded frames",
}
"""Kind -> what it reads; the loader of KIND is `spm_bench.training.native.KIND:load_KIND`."""
