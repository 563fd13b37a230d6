"""Names that columns of texts and of labels usually have. Pure."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TEXTS = _words(
    "text texts textbody fulltext rawtext cleantext cleanedtext review reviews reviewtext reviewbody reviewcontent sentence "
    "sentences comment comments commenttext commentbody content contents body message messagetext messagebody description "
    "document documents tweet tweettext post posttext utterance query querytext question questiontext input inputtext inputs "
    "ticket tickettext ticketbody feedback feedbacktext abstract article articletext email emailtext emailbody mail passage "
    "snippet statement transcript paragraph prompt complaint request "
    "kommentar rezension bewertungstext nachricht beschreibung inhalt anfrage satz texte commentaire texto comentario "
    "comentário mensagem mensaje reseña testo commento recensione tekst opmerking"
)
TITLES = _words("title subject headline heading titel betreff titre asunto assunto título titolo oggetto")
"""A text of its own where there is no other, else what stands before one."""
LABELS = _words(
    "label labels labelname labeltext goldlabel gold class classes classname category categories categoryname target targets y "
    "sentiment sentiments stars star starrating rating ratings overallrating grade tag tags topic topics intent intents genre "
    "genres emotion emotions polarity stance verdict department queue "
    "sterne bewertung kategorie kategorien klasse klassen stimmung thema themen schlagwort schlagworte étiquette étiquettes "
    "catégorie catégories etiqueta etiquetas categoría categorías categoria categorias estrellas estrelas etichetta stelle"
)


def is_among(name: str, usual: frozenset[str]) -> bool:
    """Whether a column's name is a usual one, case and signs aside: Review Text, review_text and reviewText are one."""
    return re.sub(r"[\W_]+", "", name.casefold()) in usual
