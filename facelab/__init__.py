"""From pixels to identities: the package behind the facelab notebooks.

Data flows one way through it: images, photo sets, detection, crops, embedding, distance, decision. Each module holds
one idea and can be read in a sitting. Names are looked up when first used, so that `import facelab` stays quick and
loads neither torch nor matplotlib.
"""

from importlib import import_module

_HOMES = {
    "open_image": "images",
    "read_frames": "frames",
    "load_cast": "data",
    "load_scenes": "data",
    "load_clip": "data",
    "load_door": "data",
    "scene_files": "data",
    "clip_frames": "data",
    "load_lfw": "data",
    "load_lfw_pairs": "data",
    "load_folder": "data",
    "load_photos": "data",
    "FaceDetector": "detection",
    "Faces": "cascade",
    "crop_faces": "detection",
    "unstandardise": "detection",
    "iou": "detection",
    "match_boxes": "detection",
    "average_precision": "detection",
    "available_weights": "checkpoints",
    "load_checkpoint": "checkpoints",
    "FaceEmbedder": "embedding",
    "embed_folder": "folders",
    "read_embeddings": "folders",
    "pairwise_distances": "distance",
    "split_pairs": "distance",
    "euclidean_to_cosine": "distance",
    "cosine_to_euclidean": "distance",
    "pairwise_cosines": "distance",
    "nearest_neighbours": "distance",
    "list_pairs": "distance",
    "count_outcomes": "verification",
    "roc": "verification",
    "equal_error_rate": "verification",
    "threshold_at_fmr": "verification",
    "fnmr_at_fmr": "verification",
    "kfold_accuracy": "verification",
    "bootstrap_interval": "intervals",
    "group_error_rates": "intervals",
    "rate_interval": "intervals",
    "Population": "population",
    "open_set_identification": "identification",
    "false_match_probability": "identification",
    "fmr_for_gallery": "identification",
    "simulate_searches": "identification",
    "real_searches": "identification",
    "Costs": "decisions",
    "cheapest_threshold": "decisions",
    "calibrate": "decisions",
    "split_people": "splits",
    "people_folds": "splits",
    "find_leak": "splits",
    "frozen_classifiers": "classifiers",
    "RejectingClassifier": "classifiers",
    "triplet_loss": "losses",
    "pk_batches": "losses",
    "run_trunk": "trunk",
    "Tail": "trunk",
    "fine_tune": "finetuning",
    "save_finetuned": "finetuning",
    "read_settings": "finetuning",
    "Gallery": "gallery",
    "track_faces": "tracking",
    "fill_gaps": "tracking",
    "score_tracks": "tracking",
    "name_faces": "timeline",
    "smooth_vectors": "timeline",
    "list_appearances": "timeline",
    "video_info": "video",
    "find_in_video": "video",
    "follow_people": "video",
    "annotate_frames": "annotation",
    "annotate_video": "annotation",
    "write_video": "annotation",
    "ThresholdExplorer": "widgets",
    "IdentifyPeople": "identify_people",
    "check": "exercises",
    "check_environment": "environment",
}

__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'facelab' has no attribute {name!r}")
    value = getattr(import_module(f"facelab.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
