// The precompiled headers of all unit tests belong to this file; see ring3.cmake.
