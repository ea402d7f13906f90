"""Home Assistant replaced voluptuous by probatio, under the old name at run time; type checkers are told here."""

from probatio import *
