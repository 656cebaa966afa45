#!/bin/bash
# The provider aws against prov's own simulator: the life that provider-aws.sh leads with moto.
PROV_AWS=simulator exec "$(dirname "$0")/provider-aws.sh"
