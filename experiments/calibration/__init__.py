"""Chapter 3: down-sampling and calibration."""
