"""What is known of each image, its pixels in one size, and the cut into parts."""
