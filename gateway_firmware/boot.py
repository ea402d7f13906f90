from device import loader

loader.choose()
