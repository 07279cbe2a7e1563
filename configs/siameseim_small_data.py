# TODO
_base_ = ['siameseim_imagenette.py']
