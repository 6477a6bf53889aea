"""SIFT: input plane, keypoints, orientations, descriptors; our compiled extractor and pycolmap's. Import from the modules."""
