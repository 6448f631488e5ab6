"""Operations on a Session, one package a domain; a service never commits and knows neither Celery nor HTTP."""
