; A namespace that needs one which is not there, as Knossos would without its dependencies.
(ns broken.model (:require [absent.namespace]))
